// Records in and out: Produce, Fetch, ListOffsets, DeleteRecords.
import type { Api } from '../api.ts'
import { errors } from '../errors.ts'
import type { AbortedTransaction, Partition } from '../partition.ts'
import { splitBatches } from '../record-batch.ts'

const maxBatchBytes = 8 * 1024 * 1024
const readCommitted = 1

export const produce: Api = {
  key: 0,
  name: 'Produce',
  min: 3,
  max: 7,
  handle({ version, request, response, cluster }) {
    request.nullableString() // transactional id: the batches say it themselves
    const acks = request.int16()
    request.int32()
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => ({ index: request.int32(), blob: request.bytes() })),
    }))
    response.array(topics, topic => {
      response.string(topic.name).array(topic.partitions, ({ index, blob }) => {
        const partition = cluster.topics.partition(topic.name, index)
        const { error, offset } = append(partition, blob)
        response.int32(index).int16(error).int64(offset).int64(-1n)
        if (version >= 5) response.int64(partition?.start ?? -1n)
      })
    })
    response.int32(0)
    cluster.topics.changed()
    return acks === 0 ? 'silent' : undefined
  },
}

function append(partition: Partition | undefined, blob: Buffer): { error: number; offset: bigint } {
  if (partition === undefined) return { error: errors.unknownTopicOrPartition, offset: -1n }
  if (blob.length > maxBatchBytes) return { error: errors.messageTooLarge, offset: -1n }
  if (blob.length > 16 && blob[16] !== 2) return { error: errors.unsupportedForMessageFormat, offset: -1n }
  const batches = splitBatches(blob)
  if (batches === undefined || batches.length === 0) return { error: errors.corruptMessage, offset: -1n }
  return partition.produce(batches)
}

interface Fetched {
  readonly index: number
  readonly error: number
  readonly partition?: Partition
  readonly batches: readonly Buffer[]
  readonly aborted: readonly AbortedTransaction[]
}

export const fetch: Api = {
  key: 1,
  name: 'Fetch',
  min: 4,
  max: 11,
  async handle({ version, request, response, cluster }) {
    request.int32() // replica id
    const maxWaitMs = request.int32()
    const minBytes = request.int32()
    const maxBytes = request.int32()
    const isolation = request.int8()
    if (version >= 7) {
      request.int32() // session id: we never open one, so every request names all its partitions
      request.int32()
    }
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => {
        const index = request.int32()
        if (version >= 9) request.int32()
        const offset = request.int64()
        if (version >= 5) request.int64()
        return { index, offset, maxBytes: request.int32() }
      }),
    }))
    const until = Date.now() + Math.min(maxWaitMs, 60_000)
    let results: Fetched[][]
    for (;;) {
      let size = 0
      let mustAnswer = false
      results = topics.map(topic =>
        topic.partitions.map(asked => {
          const partition = cluster.topics.partition(topic.name, asked.index)
          const room = Math.min(asked.maxBytes, Math.max(0, maxBytes - size))
          const fetched = read(
            partition,
            asked.index,
            asked.offset,
            isolation,
            size > 0 && room === 0 ? -1 : room,
          )
          if (fetched.error !== errors.none) mustAnswer = true
          for (const batch of fetched.batches) size += batch.length
          return fetched
        }),
      )
      const left = until - Date.now()
      if (mustAnswer || size >= minBytes || left <= 0) break
      await cluster.topics.waitForChange(left)
    }
    response.int32(0)
    if (version >= 7) response.int16(errors.none).int32(0)
    response.array(results, partitions => {
      const topic = topics[results.indexOf(partitions)]!
      response.string(topic.name).array(partitions, fetched => {
        const { partition } = fetched
        response.int32(fetched.index).int16(fetched.error)
        response.int64(partition?.end ?? -1n).int64(partition?.stable ?? -1n)
        if (version >= 5) response.int64(partition?.start ?? -1n)
        response.array(fetched.aborted, aborted => response.int64(aborted.producerId).int64(aborted.first))
        if (version >= 11) response.int32(-1)
        response.bytes(Buffer.concat(fetched.batches))
      })
    })
  },
}

function read(
  partition: Partition | undefined,
  index: number,
  offset: bigint,
  isolation: number,
  maxBytes: number,
): Fetched {
  const none = { index, batches: [], aborted: [] }
  if (partition === undefined) return { ...none, error: errors.unknownTopicOrPartition }
  if (offset < partition.start || offset > partition.end) {
    return { ...none, partition, error: errors.offsetOutOfRange }
  }
  if (maxBytes < 0) return { ...none, partition, error: errors.none }
  const committed = isolation === readCommitted
  return {
    index,
    partition,
    error: errors.none,
    batches: partition.read(offset, committed ? partition.stable : partition.end, maxBytes),
    aborted: committed ? partition.abortedFrom(offset) : [],
  }
}

const latest = -1n
const earliest = -2n

export const listOffsets: Api = {
  key: 2,
  name: 'ListOffsets',
  min: 1,
  max: 3,
  handle({ version, request, response, cluster }) {
    request.int32()
    const isolation = version >= 2 ? request.int8() : 0
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => ({ index: request.int32(), timestamp: request.int64() })),
    }))
    if (version >= 2) response.int32(0)
    response.array(topics, topic => {
      response.string(topic.name).array(topic.partitions, ({ index, timestamp }) => {
        const partition = cluster.topics.partition(topic.name, index)
        response.int32(index)
        if (partition === undefined) {
          response.int16(errors.unknownTopicOrPartition).int64(-1n).int64(-1n)
          return
        }
        const found =
          timestamp === latest
            ? { offset: isolation === readCommitted ? partition.stable : partition.end, timestamp: -1n }
            : timestamp === earliest
              ? { offset: partition.start, timestamp: -1n }
              : partition.offsetAt(timestamp)
        response.int16(errors.none).int64(found.timestamp).int64(found.offset)
      })
    })
  },
}

export const deleteRecords: Api = {
  key: 21,
  name: 'DeleteRecords',
  min: 0,
  max: 1,
  handle({ request, response, cluster }) {
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => ({ index: request.int32(), offset: request.int64() })),
    }))
    response.int32(0).array(topics, topic => {
      response.string(topic.name).array(topic.partitions, ({ index, offset }) => {
        const partition = cluster.topics.partition(topic.name, index)
        const target = offset === -1n ? (partition?.end ?? 0n) : offset
        const error =
          partition === undefined
            ? errors.unknownTopicOrPartition
            : target > partition.end || target < 0n
              ? errors.offsetOutOfRange
              : errors.none
        if (error === errors.none) partition!.dropBefore(target)
        response
          .int32(index)
          .int64(partition?.start ?? -1n)
          .int16(error)
      })
    })
  },
}

const onlyEpoch = 0

/** Clients may ask which leader epoch an offset belongs to; there was only ever one leader. */
export const offsetForLeaderEpoch: Api = {
  key: 23,
  name: 'OffsetForLeaderEpoch',
  min: 2,
  max: 3,
  handle({ version, request, response, cluster }) {
    if (version >= 3) request.int32()
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => {
        const index = request.int32()
        request.int32()
        return { index, epoch: request.int32() }
      }),
    }))
    response.int32(0).array(topics, topic => {
      response.string(topic.name).array(topic.partitions, ({ index }) => {
        const partition = cluster.topics.partition(topic.name, index)
        response.int16(partition === undefined ? errors.unknownTopicOrPartition : errors.none)
        response
          .int32(index)
          .int32(onlyEpoch)
          .int64(partition?.end ?? -1n)
      })
    })
  },
}
