// A Kafka broker for development and tests: one node, in memory, bounded, loopback. It speaks the classic encoding of
// each request (never the newest version), which every current client still speaks too.
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Api, Cluster } from './api.ts'
import { createPartitions, createTopics, deleteTopics, describeConfigs } from './apis/admin.ts'
import {
  deleteGroups,
  describeGroups,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  syncGroup,
} from './apis/groups.ts'
import { findCoordinator, metadata } from './apis/metadata.ts'
import { offsetCommit, offsetFetch } from './apis/offsets.ts'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  initProducerId,
  txnOffsetCommit,
} from './apis/producers.ts'
import { deleteRecords, fetch, listOffsets, offsetForLeaderEpoch, produce } from './apis/records.ts'
import { errors } from './errors.ts'
import { Group } from './group.ts'
import { Topics } from './topics.ts'
import { Transactions } from './transactions.ts'
import { Reader, WireError, Writer } from './wire.ts'

export interface KafkaBrokerOptions {
  /** Address to listen on, and the one clients are told. Default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** Partitions of a topic created without a number. Default 3. */
  readonly partitions?: number
  /** Create a topic when a client first asks for it. Default true. */
  readonly autoCreate?: boolean
  /** Bytes of records kept, over all topics; then the oldest go. Default 64 MiB. */
  readonly maxBytes?: number
  /** How long a new group waits for more members before its first assignment. Default 20 ms. */
  readonly joinDelayMs?: number
}

export interface KafkaBroker {
  /** `127.0.0.1:54321`, for `brokers: [address]` or KAFKA_BROKERS. */
  readonly address: string
  readonly port: number
  /** Topics with the number of records ever written to each partition. */
  topics(): { name: string; partitions: number[] }[]
  /** Closes every connection and frees the port; the records are gone. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const apiVersionsKey = 18
const apiVersionsMax = 3
const maxFrameBytes = 16 * 1024 * 1024
const maxGroups = 1000

const apis = new Map<number, Api>(
  [
    produce,
    fetch,
    listOffsets,
    metadata,
    offsetCommit,
    offsetFetch,
    findCoordinator,
    joinGroup,
    heartbeat,
    leaveGroup,
    syncGroup,
    describeGroups,
    listGroups,
    createTopics,
    deleteTopics,
    deleteRecords,
    initProducerId,
    offsetForLeaderEpoch,
    addPartitionsToTxn,
    addOffsetsToTxn,
    endTxn,
    txnOffsetCommit,
    describeConfigs,
    createPartitions,
    deleteGroups,
  ].map(api => [api.key, api]),
)

/**
 * Starts a broker that Kafka clients can produce to and consume from: headers, compression, consumer groups,
 * idempotent and transactional producers, topic administration. No TLS, no SASL, no replication, no disk.
 * Rejects with the system error when the port cannot be had.
 *
 *     const broker = await startKafkaBroker()
 *     const kafka = new Kafka({ brokers: [broker.address] })
 *     ...
 *     await broker.stop()
 */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const { host = '127.0.0.1', port = 0, partitions = 3, autoCreate = true } = options
  const { maxBytes = 64 * 1024 * 1024, joinDelayMs = 20 } = options
  const topics = new Topics(partitions, maxBytes)
  const groups = new Map<string, Group>()
  const group = (id: string): Group => {
    const known = groups.get(id)
    if (known !== undefined) return known
    if (groups.size >= maxGroups) forgetEmptyGroup(groups)
    const created = new Group(id, joinDelayMs)
    groups.set(id, created)
    return created
  }
  const transactions = new Transactions(topics, group)
  const sockets = new Set<Socket>()
  let cluster: Cluster
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.setNoDelay(true)
    serve(socket, () => cluster)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      server.on('error', () => {})
      resolve()
    })
  })
  const bound = (server.address() as AddressInfo).port
  cluster = { host, port: bound, topics, transactions, autoCreate, groups, group }
  const broker: KafkaBroker = {
    address: `${host}:${bound}`,
    port: bound,
    topics: () =>
      topics.names().map(name => ({ name, partitions: topics.get(name)!.map(each => Number(each.end)) })),
    async stop() {
      const closed = new Promise(resolve => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      for (const each of groups.values()) each.stop()
      transactions.stop()
      topics.changed()
      await closed
    },
    [Symbol.asyncDispose]: () => broker.stop(),
  }
  return broker
}

/** A group without members and its offsets go, the oldest first. */
function forgetEmptyGroup(groups: Map<string, Group>): void {
  for (const [id, group] of groups) {
    if (group.members.size > 0) continue
    groups.delete(id)
    return
  }
}

/** Cuts the stream into frames and answers them one after the other, as Kafka does for a connection. */
function serve(socket: Socket, cluster: () => Cluster): void {
  let chunks: Buffer[] = []
  let size = 0
  let wanted = 4
  let queue = Promise.resolve()
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (size < wanted) return
    let buffer = Buffer.concat(chunks, size)
    wanted = 4
    while (buffer.length >= 4) {
      const length = buffer.readInt32BE(0)
      if (length < 8 || length > maxFrameBytes) return void socket.destroy()
      if (buffer.length < 4 + length) {
        wanted = 4 + length
        break
      }
      const frame = buffer.subarray(4, 4 + length)
      buffer = buffer.subarray(4 + length)
      queue = queue.then(() => answer(socket, frame, cluster())).catch(() => void socket.destroy())
    }
    chunks = [buffer]
    size = buffer.length
  })
}

async function answer(socket: Socket, frame: Buffer, cluster: Cluster): Promise<void> {
  if (socket.destroyed) return
  const request = new Reader(frame)
  const key = request.int16()
  const version = request.int16()
  const response = new Writer().int32(request.int32())
  const clientId = request.nullableString() ?? ''
  if (key === apiVersionsKey) writeApiVersions(response, version)
  else {
    const api = apis.get(key)
    if (api === undefined || version < api.min || version > api.max) {
      // The client did not ask ApiVersions, or did not listen.
      throw new WireError(`request ${key} version ${version}`)
    }
    const outcome = await api.handle({ version, clientId, request, response, cluster })
    if (outcome === 'silent') return
  }
  if (socket.destroyed) return
  const body = response.toBuffer()
  socket.write(new Writer().bytes(body).toBuffer())
}

/** A version we do not know is answered in version 0 with the list, so that the client can ask again. */
function writeApiVersions(response: Writer, version: number): void {
  const own = { key: apiVersionsKey, min: 0, max: apiVersionsMax }
  const list: Pick<Api, 'key' | 'min' | 'max'>[] = [...apis.values(), own]
  if (version > apiVersionsMax) {
    response.int16(errors.unsupportedVersion)
    response.array(list, ({ key, min, max }) => response.int16(key).int16(min).int16(max))
  } else if (version === 3) {
    response.int16(errors.none)
    response.compactArray(list, ({ key, min, max }) => response.int16(key).int16(min).int16(max).noTags())
    response.int32(0).noTags()
  } else {
    response.int16(errors.none)
    response.array(list, ({ key, min, max }) => response.int16(key).int16(min).int16(max))
    if (version >= 1) response.int32(0)
  }
}
