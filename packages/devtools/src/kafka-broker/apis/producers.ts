// Idempotent and transactional producers.
import type { Api } from '../api.ts'
import { errors } from '../errors.ts'

export const initProducerId: Api = {
  key: 22,
  name: 'InitProducerId',
  min: 0,
  max: 1,
  handle({ request, response, cluster }) {
    const transactionalId = request.nullableString()
    const { producerId, epoch } = cluster.transactions.init(transactionalId, request.int32())
    response.int32(0).int16(errors.none).int64(producerId).int16(epoch)
  },
}

export const addPartitionsToTxn: Api = {
  key: 24,
  name: 'AddPartitionsToTxn',
  min: 0,
  max: 1,
  handle({ request, response, cluster }) {
    const transactionalId = request.string()
    const producerId = request.int64()
    const epoch = request.int16()
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => request.int32()),
    }))
    response.int32(0).array(topics, ({ name, partitions }) => {
      response.string(name).array(partitions, index => {
        const { transactions } = cluster
        response
          .int32(index)
          .int16(transactions.addPartition(transactionalId, producerId, epoch, name, index))
      })
    })
  },
}

export const addOffsetsToTxn: Api = {
  key: 25,
  name: 'AddOffsetsToTxn',
  min: 0,
  max: 1,
  handle({ request, response, cluster }) {
    const transactionalId = request.string()
    const producerId = request.int64()
    response.int32(0).int16(cluster.transactions.check(transactionalId, producerId, request.int16()))
  },
}

export const endTxn: Api = {
  key: 26,
  name: 'EndTxn',
  min: 0,
  max: 1,
  handle({ request, response, cluster }) {
    const transactionalId = request.string()
    const producerId = request.int64()
    const epoch = request.int16()
    const commit = request.bool()
    response.int32(0).int16(cluster.transactions.end(transactionalId, producerId, epoch, commit))
  },
}

export const txnOffsetCommit: Api = {
  key: 28,
  name: 'TxnOffsetCommit',
  min: 0,
  max: 2,
  handle({ version, request, response, cluster }) {
    const transactionalId = request.string()
    const group = request.string()
    const producerId = request.int64()
    const epoch = request.int16()
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => {
        const index = request.int32()
        const offset = request.int64()
        if (version >= 2) request.int32()
        return { index, offset, metadata: request.nullableString() }
      }),
    }))
    response.int32(0).array(topics, ({ name, partitions }) => {
      response.string(name).array(partitions, ({ index, offset, metadata }) => {
        const added = { group, topic: name, partition: index, committed: { offset, metadata } }
        response.int32(index)
        response.int16(cluster.transactions.addOffset(transactionalId, producerId, epoch, added))
      })
    })
  },
}
