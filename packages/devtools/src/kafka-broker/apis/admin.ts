// Changing the cluster: topics and partitions. Configuration is accepted and has no effect.
import type { Api } from '../api.ts'
import { errors } from '../errors.ts'
import { isTopicName } from '../topics.ts'

export const createTopics: Api = {
  key: 19,
  name: 'CreateTopics',
  min: 0,
  max: 4,
  handle({ version, request, response, cluster }) {
    const topics = request.array(() => {
      const name = request.string()
      const partitions = request.int32()
      request.int16()
      const assigned = request.array(() => {
        request.int32()
        return request.array(() => request.int32())
      })
      request.array(() => [request.string(), request.nullableString()])
      return { name, partitions: assigned.length > 0 ? assigned.length : partitions }
    })
    request.int32()
    const validateOnly = version >= 1 ? request.bool() : false
    if (version >= 2) response.int32(0)
    response.array(topics, ({ name, partitions }) => {
      let error: number = errors.none
      if (!isTopicName(name)) error = errors.invalidTopic
      else if (cluster.topics.get(name) !== undefined) error = errors.topicExists
      else if (partitions === 0 || partitions < -1) error = errors.invalidPartitions
      else if (!validateOnly && !cluster.topics.create(name, partitions)) error = errors.invalidPartitions
      response.string(name).int16(error)
      if (version >= 1) response.string(error === errors.none ? null : `topic ${name} was not created`)
    })
  },
}

export const deleteTopics: Api = {
  key: 20,
  name: 'DeleteTopics',
  min: 0,
  max: 3,
  handle({ version, request, response, cluster }) {
    const names = request.array(() => request.string())
    if (version >= 1) response.int32(0)
    response.array(names, name => {
      const deleted = cluster.topics.delete(name)
      if (deleted) for (const group of cluster.groups.values()) group.forgetTopic(name)
      response.string(name).int16(deleted ? errors.none : errors.unknownTopicOrPartition)
    })
  },
}

export const createPartitions: Api = {
  key: 37,
  name: 'CreatePartitions',
  min: 0,
  max: 1,
  handle({ request, response, cluster }) {
    const topics = request.array(() => {
      const name = request.string()
      const count = request.int32()
      request.nullableArray(() => request.array(() => request.int32()))
      return { name, count }
    })
    request.int32()
    const validateOnly = request.bool()
    response.int32(0).array(topics, ({ name, count }) => {
      const existing = cluster.topics.get(name)
      let error: number = errors.none
      if (existing === undefined) error = errors.unknownTopicOrPartition
      else if (count <= existing.length) error = errors.invalidPartitions
      else if (!validateOnly && !cluster.topics.grow(name, count)) error = errors.invalidPartitions
      response.string(name).int16(error).string(null)
    })
  },
}

export const describeConfigs: Api = {
  key: 32,
  name: 'DescribeConfigs',
  min: 0,
  max: 2,
  handle({ request, response }) {
    const resources = request.array(() => {
      const type = request.int8()
      const name = request.string()
      request.nullableArray(() => request.string())
      return { type, name }
    })
    response.int32(0).array(resources, ({ type, name }) => {
      response.int16(errors.none).string(null).int8(type).string(name)
      response.array([], () => {})
    })
  },
}
