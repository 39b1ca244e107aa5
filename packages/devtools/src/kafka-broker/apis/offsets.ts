// How far a group has read: OffsetCommit and OffsetFetch.
import type { Api } from '../api.ts'
import { errors } from '../errors.ts'

export const offsetCommit: Api = {
  key: 8,
  name: 'OffsetCommit',
  min: 2,
  max: 5,
  handle({ version, request, response, cluster }) {
    const group = cluster.group(request.string())
    const generation = request.int32()
    const memberId = request.string()
    if (version <= 4) request.int64() // retention: everything is kept
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => ({
        index: request.int32(),
        offset: request.int64(),
        metadata: request.nullableString(),
      })),
    }))
    const error = group.checkCommit(memberId, generation)
    if (version >= 3) response.int32(0)
    response.array(topics, topic => {
      response.string(topic.name).array(topic.partitions, ({ index, offset, metadata }) => {
        const known = cluster.topics.partition(topic.name, index) !== undefined
        if (error === errors.none && known) group.commit(topic.name, index, { offset, metadata })
        response.int32(index)
        response.int16(error === errors.none && !known ? errors.unknownTopicOrPartition : error)
      })
    })
  },
}

export const offsetFetch: Api = {
  key: 9,
  name: 'OffsetFetch',
  min: 1,
  max: 4,
  handle({ version, request, response, cluster }) {
    const group = cluster.group(request.string())
    const asked = request.nullableArray(() => ({
      topic: request.string(),
      partitions: request.array(() => request.int32()),
    }))
    if (version >= 3) response.int32(0)
    response.array(asked ?? group.allCommitted(), ({ topic, partitions }) => {
      response.string(topic).array(partitions, index => {
        const committed = group.committed(topic, index)
        response
          .int32(index)
          .int64(committed?.offset ?? -1n)
          .string(committed?.metadata ?? '')
        response.int16(errors.none)
      })
    })
    if (version >= 2) response.int16(errors.none)
  },
}
