// Consumer groups: joining, staying, leaving, looking.
import type { Api, Call } from '../api.ts'
import { errors } from '../errors.ts'

export const joinGroup: Api = {
  key: 11,
  name: 'JoinGroup',
  min: 0,
  max: 5,
  async handle({ version, clientId, request, response, cluster }) {
    const groupId = request.string()
    const sessionTimeoutMs = request.int32()
    const rebalanceTimeoutMs = version >= 1 ? request.int32() : sessionTimeoutMs
    const memberId = request.string()
    const instanceId = version >= 5 ? request.nullableString() : null
    const protocolType = request.string()
    const protocols = request.array(() => ({
      name: request.string(),
      metadata: Buffer.from(request.bytes()),
    }))
    const result =
      groupId === ''
        ? { error: errors.invalidGroupId, generation: -1, protocol: '', leader: '', memberId, members: [] }
        : await cluster.group(groupId).join({
            memberId,
            instanceId,
            clientId,
            sessionTimeoutMs,
            rebalanceTimeoutMs,
            protocolType,
            protocols,
            idRequired: version >= 4 && instanceId === null,
          })
    if (version >= 2) response.int32(0)
    response.int16(result.error).int32(result.generation).string(result.protocol)
    response.string(result.leader).string(result.memberId)
    response.array(result.members, member => {
      response.string(member.id)
      if (version >= 5) response.string(member.instanceId)
      response.bytes(member.metadata)
    })
  },
}

export const syncGroup: Api = {
  key: 14,
  name: 'SyncGroup',
  min: 0,
  max: 3,
  async handle({ version, request, response, cluster }) {
    const groupId = request.string()
    const generation = request.int32()
    const memberId = request.string()
    if (version >= 3) request.nullableString()
    const assignments = request.array(() => ({ memberId: request.string(), assignment: request.bytes() }))
    const result = await cluster.group(groupId).sync(memberId, generation, assignments)
    if (version >= 1) response.int32(0)
    response.int16(result.error).bytes(result.assignment)
  },
}

export const heartbeat: Api = {
  key: 12,
  name: 'Heartbeat',
  min: 0,
  max: 3,
  handle({ version, request, response, cluster }) {
    const groupId = request.string()
    const generation = request.int32()
    const memberId = request.string()
    if (version >= 1) response.int32(0)
    response.int16(cluster.group(groupId).heartbeat(memberId, generation))
  },
}

export const leaveGroup: Api = {
  key: 13,
  name: 'LeaveGroup',
  min: 0,
  max: 3,
  handle({ version, request, response, cluster }) {
    const group = cluster.group(request.string())
    if (version >= 1) response.int32(0)
    if (version < 3) {
      response.int16(group.leave(request.string()))
      return
    }
    const members = request.array(() => ({ id: request.string(), instanceId: request.nullableString() }))
    response.int16(errors.none).array(members, member => {
      response.string(member.id).string(member.instanceId).int16(group.leave(member.id))
    })
  },
}

export const describeGroups: Api = {
  key: 15,
  name: 'DescribeGroups',
  min: 0,
  max: 2,
  handle({ version, request, response, cluster }: Call) {
    const ids = request.array(() => request.string())
    if (version >= 1) response.int32(0)
    response.array(ids, id => {
      const group = cluster.groups.get(id)
      response
        .int16(errors.none)
        .string(id)
        .string(group?.state ?? 'Dead')
      response.string(group?.protocolType ?? '').string(group?.protocol ?? '')
      response.array([...(group?.members.values() ?? [])], member => {
        const chosen = member.protocols.find(protocol => protocol.name === group!.protocol)
        response.string(member.id).string(member.clientId).string('/127.0.0.1')
        response.bytes(chosen?.metadata ?? Buffer.alloc(0)).bytes(member.assignment)
      })
    })
  },
}

export const listGroups: Api = {
  key: 16,
  name: 'ListGroups',
  min: 0,
  max: 2,
  handle({ version, response, cluster }) {
    if (version >= 1) response.int32(0)
    response.int16(errors.none).array([...cluster.groups.values()], group => {
      response.string(group.id).string(group.protocolType)
    })
  },
}

export const deleteGroups: Api = {
  key: 42,
  name: 'DeleteGroups',
  min: 0,
  max: 1,
  handle({ request, response, cluster }) {
    const ids = request.array(() => request.string())
    response.int32(0).array(ids, id => {
      const group = cluster.groups.get(id)
      const error =
        group === undefined
          ? errors.groupIdNotFound
          : group.members.size > 0
            ? errors.nonEmptyGroup
            : errors.none
      if (error === errors.none) cluster.groups.delete(id)
      response.string(id).int16(error)
    })
  },
}
