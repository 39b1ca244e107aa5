// Who is there: Metadata and FindCoordinator.
import { type Api, type Call, nodeId } from '../api.ts'
import { errors } from '../errors.ts'
import { isTopicName } from '../topics.ts'

export const metadata: Api = {
  key: 3,
  name: 'Metadata',
  min: 0,
  max: 6,
  handle({ version, request, response, cluster }) {
    const asked = request.nullableArray(() => request.string())
    const mayCreate = version >= 4 ? request.bool() : true
    // Version 0 asks for everything with an empty list, later ones with null.
    const all = asked === null || (version === 0 && asked.length === 0)
    const names = all ? cluster.topics.names() : asked
    if (!all && mayCreate && cluster.autoCreate) {
      for (const name of names) if (isTopicName(name)) cluster.topics.create(name)
    }
    if (version >= 3) response.int32(0)
    response.array([nodeId], id => {
      response.int32(id).string(cluster.host).int32(cluster.port)
      if (version >= 1) response.string(null)
    })
    if (version >= 2) response.string('development')
    if (version >= 1) response.int32(nodeId)
    response.array(names, name => {
      const partitions = cluster.topics.get(name)
      const missing = isTopicName(name) ? errors.unknownTopicOrPartition : errors.invalidTopic
      response.int16(partitions === undefined ? missing : errors.none).string(name)
      if (version >= 1) response.bool(false)
      response.array([...(partitions ?? []).keys()], index => {
        response.int16(errors.none).int32(index).int32(nodeId)
        response.array([nodeId], id => response.int32(id))
        response.array([nodeId], id => response.int32(id))
        if (version >= 5) response.array([], () => {})
      })
    })
  },
}

export const findCoordinator: Api = {
  key: 10,
  name: 'FindCoordinator',
  min: 0,
  max: 2,
  handle({ version, response, cluster }: Call) {
    if (version >= 1) response.int32(0)
    response.int16(errors.none)
    if (version >= 1) response.string(null)
    response.int32(nodeId).string(cluster.host).int32(cluster.port)
  },
}
