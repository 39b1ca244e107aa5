// A consumer group: who is in it, who reads what, and how far. The states are Kafka's.
//
//   Empty -> PreparingRebalance (members join) -> CompletingRebalance (the leader assigns) -> Stable -> ...
import { randomUUID } from 'node:crypto'
import { errors } from './errors.ts'

export interface GroupProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinRequest {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly GroupProtocol[]
  /** From version 4 a new member first gets its id and joins again with it. */
  readonly idRequired: boolean
}

export interface JoinResult {
  readonly error: number
  readonly generation: number
  readonly protocol: string
  readonly leader: string
  readonly memberId: string
  readonly members: readonly { id: string; instanceId: string | null; metadata: Buffer }[]
}

export interface SyncResult {
  readonly error: number
  readonly assignment: Buffer
}

export interface CommittedOffset {
  readonly offset: bigint
  readonly metadata: string | null
}

export interface Member {
  readonly id: string
  instanceId: string | null
  clientId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly GroupProtocol[]
  assignment: Buffer
  joining: ((result: JoinResult) => void) | undefined
  syncing: ((result: SyncResult) => void) | undefined
  session: NodeJS.Timeout | undefined
}

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

const nothing = Buffer.alloc(0)
const maxPromised = 1000

export class Group {
  readonly id: string
  state: GroupState = 'Empty'
  generation = 0
  protocolType = ''
  protocol = ''
  readonly members = new Map<string, Member>()
  private readonly offsets = new Map<string, Map<number, CommittedOffset>>()
  private readonly promised = new Set<string>()
  private readonly joinDelayMs: number
  private leader = ''
  private timer: NodeJS.Timeout | undefined

  constructor(id: string, joinDelayMs: number) {
    this.id = id
    this.joinDelayMs = joinDelayMs
  }

  join(request: JoinRequest): Promise<JoinResult> {
    const refuse = (error: number, memberId = request.memberId) =>
      Promise.resolve({ error, generation: -1, protocol: '', leader: '', memberId, members: [] })
    if (!this.fits(request)) return refuse(errors.inconsistentProtocol)
    let memberId = request.memberId
    if (memberId === '') {
      memberId = `${request.clientId || 'member'}-${randomUUID()}`
      if (request.idRequired) {
        this.promised.add(memberId)
        if (this.promised.size > maxPromised) this.promised.delete(this.promised.values().next().value!)
        return refuse(errors.memberIdRequired, memberId)
      }
    } else if (!this.members.has(memberId) && !this.promised.delete(memberId)) {
      return refuse(errors.unknownMember)
    }
    const known = this.members.get(memberId)
    if (known !== undefined && this.isRepeat(known, request)) {
      this.touch(known)
      return Promise.resolve(this.describeTo(known))
    }
    return new Promise(resolve => {
      known?.joining?.({ ...this.describeTo(known), error: errors.rebalanceInProgress })
      const member: Member = known ?? {
        id: memberId,
        instanceId: null,
        clientId: '',
        sessionTimeoutMs: 0,
        rebalanceTimeoutMs: 0,
        protocols: [],
        assignment: nothing,
        joining: undefined,
        syncing: undefined,
        session: undefined,
      }
      const { instanceId, clientId, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request
      Object.assign(member, { instanceId, clientId, sessionTimeoutMs, rebalanceTimeoutMs, protocols })
      // While it waits for the others it does not send heartbeats.
      clearTimeout(member.session)
      member.joining = resolve
      this.members.set(memberId, member)
      this.protocolType = request.protocolType
      this.rebalance()
    })
  }

  sync(
    memberId: string,
    generation: number,
    assignments: readonly { memberId: string; assignment: Buffer }[],
  ): Promise<SyncResult> {
    const error = this.check(memberId, generation)
    if (error !== errors.none) return Promise.resolve({ error, assignment: nothing })
    const member = this.members.get(memberId)!
    this.touch(member)
    if (this.state === 'Stable') return Promise.resolve({ error: errors.none, assignment: member.assignment })
    if (memberId !== this.leader) {
      return new Promise(resolve => {
        member.syncing = resolve
      })
    }
    const byMember = new Map(assignments.map(each => [each.memberId, each.assignment]))
    this.state = 'Stable'
    for (const each of this.members.values()) {
      each.assignment = Buffer.from(byMember.get(each.id) ?? nothing)
      this.release(each, errors.none)
    }
    return Promise.resolve({ error: errors.none, assignment: member.assignment })
  }

  heartbeat(memberId: string, generation: number): number {
    const member = this.members.get(memberId)
    if (member === undefined) return errors.unknownMember
    if (member.joining === undefined) this.touch(member)
    if (this.state === 'PreparingRebalance') return errors.rebalanceInProgress
    return generation === this.generation ? errors.none : errors.illegalGeneration
  }

  leave(memberId: string): number {
    if (this.promised.delete(memberId)) return errors.none
    const member = this.members.get(memberId)
    if (member === undefined) return errors.unknownMember
    this.remove(member)
    return errors.none
  }

  /** May this member commit? A group without members takes commits from anybody (admin, manual assignment). */
  checkCommit(memberId: string, generation: number): number {
    if (generation < 0 && this.members.size === 0) return errors.none
    const member = this.members.get(memberId)
    if (member === undefined) return errors.unknownMember
    if (generation !== this.generation) return errors.illegalGeneration
    // Between join and sync nobody knows who owns what.
    if (this.state === 'CompletingRebalance') return errors.rebalanceInProgress
    this.touch(member)
    return errors.none
  }

  commit(topic: string, partition: number, committed: CommittedOffset): void {
    const partitions = this.offsets.get(topic) ?? new Map<number, CommittedOffset>()
    this.offsets.set(topic, partitions)
    partitions.set(partition, committed)
  }

  committed(topic: string, partition: number): CommittedOffset | undefined {
    return this.offsets.get(topic)?.get(partition)
  }

  /** Every partition with a committed offset, by topic. */
  allCommitted(): { topic: string; partitions: number[] }[] {
    return [...this.offsets].map(([topic, partitions]) => ({ topic, partitions: [...partitions.keys()] }))
  }

  forgetTopic(topic: string): void {
    this.offsets.delete(topic)
  }

  stop(): void {
    clearTimeout(this.timer)
    for (const member of this.members.values()) clearTimeout(member.session)
  }

  private check(memberId: string, generation: number): number {
    if (!this.members.has(memberId)) return errors.unknownMember
    if (generation !== this.generation) return errors.illegalGeneration
    return this.state === 'PreparingRebalance' ? errors.rebalanceInProgress : errors.none
  }

  private fits(request: JoinRequest): boolean {
    if (request.protocols.length === 0) return false
    const others = [...this.members.values()].filter(member => member.id !== request.memberId)
    if (others.length === 0) return true
    if (request.protocolType !== this.protocolType) return false
    return request.protocols.some(protocol =>
      others.every(member => member.protocols.some(each => each.name === protocol.name)),
    )
  }

  /** A follower that joins again unchanged only missed the answer; the leader does it to force a rebalance. */
  private isRepeat(member: Member, request: JoinRequest): boolean {
    const settled = this.state === 'Stable' ? member.id !== this.leader : this.state === 'CompletingRebalance'
    return (
      settled &&
      member.protocols.length === request.protocols.length &&
      member.protocols.every((protocol, i) => {
        const other = request.protocols[i]!
        return protocol.name === other.name && protocol.metadata.equals(other.metadata)
      })
    )
  }

  private rebalance(): void {
    if (this.members.size === 0) {
      this.state = 'Empty'
      clearTimeout(this.timer)
      return
    }
    const wasEmpty = this.state === 'Empty'
    if (this.state !== 'PreparingRebalance') {
      this.state = 'PreparingRebalance'
      for (const member of this.members.values()) this.release(member, errors.rebalanceInProgress)
      const longest = Math.max(...[...this.members.values()].map(member => member.rebalanceTimeoutMs))
      this.arm(wasEmpty ? this.joinDelayMs : longest)
      // A new group waits a moment, so that consumers started together share their first assignment.
      if (wasEmpty) return
    }
    if (this.generation > 0 && this.everybodyJoined()) this.complete()
  }

  private everybodyJoined(): boolean {
    for (const member of this.members.values()) if (member.joining === undefined) return false
    return true
  }

  private complete(): void {
    clearTimeout(this.timer)
    for (const member of this.members.values()) {
      // Too late: it has to join again as a new member.
      if (member.joining === undefined) {
        clearTimeout(member.session)
        this.members.delete(member.id)
      }
    }
    const members = [...this.members.values()]
    const first = members[0]
    if (first === undefined) {
      this.state = 'Empty'
      return
    }
    this.generation++
    this.state = 'CompletingRebalance'
    if (!this.members.has(this.leader)) this.leader = first.id
    const names = this.members.get(this.leader)!.protocols.map(protocol => protocol.name)
    const common = (name: string) =>
      members.every(member => member.protocols.some(each => each.name === name))
    this.protocol = names.find(common) ?? ''
    for (const member of members) {
      const answer = member.joining!
      member.joining = undefined
      member.assignment = nothing
      this.touch(member)
      answer(this.describeTo(member))
    }
  }

  private describeTo(member: Member): JoinResult {
    const metadata = (each: Member) =>
      each.protocols.find(protocol => protocol.name === this.protocol)?.metadata ?? nothing
    return {
      error: errors.none,
      generation: this.generation,
      protocol: this.protocol,
      leader: this.leader,
      memberId: member.id,
      members:
        member.id === this.leader
          ? [...this.members.values()].map(each => ({
              id: each.id,
              instanceId: each.instanceId,
              metadata: metadata(each),
            }))
          : [],
    }
  }

  private remove(member: Member): void {
    clearTimeout(member.session)
    this.members.delete(member.id)
    this.release(member, errors.unknownMember)
    member.joining?.({
      error: errors.unknownMember,
      generation: -1,
      protocol: '',
      leader: '',
      memberId: member.id,
      members: [],
    })
    member.joining = undefined
    if (this.state === 'PreparingRebalance' && this.generation > 0 && this.members.size > 0) {
      if (this.everybodyJoined()) this.complete()
    } else this.rebalance()
  }

  private release(member: Member, error: number): void {
    member.syncing?.({ error, assignment: error === errors.none ? member.assignment : nothing })
    member.syncing = undefined
  }

  private touch(member: Member): void {
    clearTimeout(member.session)
    member.session = setTimeout(() => this.remove(member), member.sessionTimeoutMs)
    member.session.unref()
  }

  private arm(ms: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.complete(), ms)
    this.timer.unref()
  }
}
