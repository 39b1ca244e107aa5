// Producer ids and transactions. A transaction is a list of partitions and offsets; ending it writes a marker into
// each partition and, on commit, moves the offsets.
import { errors } from './errors.ts'
import type { CommittedOffset, Group } from './group.ts'
import type { Topics } from './topics.ts'

interface Transaction {
  readonly producerId: bigint
  epoch: number
  timeoutMs: number
  partitions: Map<string, { topic: string; index: number }>
  offsets: { group: string; topic: string; partition: number; committed: CommittedOffset }[]
  timer: NodeJS.Timeout | undefined
}

const maxTransactionalIds = 1000

export class Transactions {
  private lastProducerId = 0n
  private readonly byId = new Map<string, Transaction>()
  private readonly topics: Topics
  private readonly group: (id: string) => Group

  constructor(topics: Topics, group: (id: string) => Group) {
    this.topics = topics
    this.group = group
  }

  /** A new producer, or the next epoch of a transactional one: its older self is fenced and its open work aborted. */
  init(transactionalId: string | null, timeoutMs: number): { producerId: bigint; epoch: number } {
    const known = transactionalId === null ? undefined : this.byId.get(transactionalId)
    if (known !== undefined) {
      this.finish(known, false)
      known.epoch++
      known.timeoutMs = timeoutMs
      return known
    }
    const producerId = ++this.lastProducerId
    if (transactionalId === null) return { producerId, epoch: 0 }
    const created: Transaction = {
      producerId,
      epoch: 0,
      timeoutMs,
      partitions: new Map(),
      offsets: [],
      timer: undefined,
    }
    if (this.byId.size >= maxTransactionalIds) this.forgetIdle()
    this.byId.set(transactionalId, created)
    return created
  }

  addPartition(
    transactionalId: string,
    producerId: bigint,
    epoch: number,
    topic: string,
    index: number,
  ): number {
    const { error, transaction } = this.find(transactionalId, producerId, epoch)
    if (transaction === undefined) return error
    if (this.topics.partition(topic, index) === undefined) return errors.unknownTopicOrPartition
    this.begin(transactionalId, transaction)
    transaction.partitions.set(`${topic}\0${index}`, { topic, index })
    return errors.none
  }

  check(transactionalId: string, producerId: bigint, epoch: number): number {
    return this.find(transactionalId, producerId, epoch).error
  }

  addOffset(
    transactionalId: string,
    producerId: bigint,
    epoch: number,
    offset: Transaction['offsets'][number],
  ): number {
    const { error, transaction } = this.find(transactionalId, producerId, epoch)
    if (transaction === undefined) return error
    this.begin(transactionalId, transaction)
    transaction.offsets.push(offset)
    return errors.none
  }

  end(transactionalId: string, producerId: bigint, epoch: number, commit: boolean): number {
    const { error, transaction } = this.find(transactionalId, producerId, epoch)
    if (transaction !== undefined) this.finish(transaction, commit)
    return error
  }

  stop(): void {
    for (const transaction of this.byId.values()) clearTimeout(transaction.timer)
  }

  /** The oldest id without an open transaction; its producer would get a new one. */
  private forgetIdle(): void {
    for (const [id, transaction] of this.byId) {
      if (transaction.timer !== undefined) continue
      this.byId.delete(id)
      return
    }
  }

  private find(
    transactionalId: string,
    producerId: bigint,
    epoch: number,
  ): { error: number; transaction?: Transaction } {
    const transaction = this.byId.get(transactionalId)
    if (transaction === undefined || transaction.producerId !== producerId) {
      return { error: errors.invalidProducerIdMapping }
    }
    if (transaction.epoch !== epoch) return { error: errors.invalidProducerEpoch }
    return { error: errors.none, transaction }
  }

  /** A producer that dies leaves readers waiting; after its timeout the transaction is aborted and the producer fenced. */
  private begin(transactionalId: string, transaction: Transaction): void {
    if (transaction.timer !== undefined) return
    transaction.timer = setTimeout(
      () => this.init(transactionalId, transaction.timeoutMs),
      transaction.timeoutMs,
    )
    transaction.timer.unref()
  }

  private finish(transaction: Transaction, commit: boolean): void {
    clearTimeout(transaction.timer)
    transaction.timer = undefined
    for (const { topic, index } of transaction.partitions.values()) {
      this.topics.partition(topic, index)?.endTransaction(transaction.producerId, transaction.epoch, commit)
    }
    if (commit) {
      for (const { group, topic, partition, committed } of transaction.offsets) {
        this.group(group).commit(topic, partition, committed)
      }
    }
    transaction.partitions = new Map()
    transaction.offsets = []
    this.topics.changed()
  }
}
