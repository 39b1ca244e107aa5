import { startAttributes } from '../facts.ts'
import type { ClientState } from '../registry.ts'
import { readCluster, rememberServers, watchClusters } from './kafkajs-cluster.ts'

const east = { nodeId: 1, host: 'east.example', port: 9092 }
const west = { nodeId: 2, host: 'west.example', port: 9093 }
const build = rememberServers((options: { brokers: unknown }) => ({ options })) as (options: object) => object
const clusterOf = (brokers: unknown, metadata?: object | null) => ({
  connectionPoolBuilder: build({ brokers }),
  brokerPool: { metadata },
})
function serverOf(cluster: unknown): string {
  const attributes = startAttributes('send', readCluster(cluster), 't')
  return [attributes['server.address'], attributes['server.port']].join(':')
}

test.each<[string, unknown, string]>([
  [
    'the only server the client was given',
    clusterOf(['kafka.example:9092'], { brokers: [east, west] }),
    'kafka.example:9092',
  ],
  ['nothing of several servers', clusterOf(['a:1', 'b:2'], null), ':'],
  ['nothing of a function that gives servers', clusterOf(() => ['a:1'], null), ':'],
  ['the only broker of a cluster', clusterOf(['a:1', 'b:2'], { brokers: [east] }), 'east.example:9092'],
  ['nothing of a cluster of several brokers', clusterOf(['a:1', 'b:2'], { brokers: [east, west] }), ':'],
  ['nothing of brokers in a shape we do not know', clusterOf(null, { brokers: [{ host: 7 }] }), ':'],
  ['nothing of brokers that are no list', clusterOf(undefined, { brokers: 'east' }), ':'],
  ['nothing without a cluster', undefined, ':'],
  ['nothing of a cluster in a shape we do not know', {}, ':'],
])('spans name %s', (_, cluster, server) => {
  expect(serverOf(cluster)).toBe(server)
})

test('spans follow a cluster that grows, shrinks and moves', () => {
  const cluster = clusterOf(['a:1', 'b:2'], null)
  const facts = readCluster(cluster)
  const seen = [null, { brokers: [east] }, { brokers: [east, west] }, { brokers: [west] }].map(metadata => {
    cluster.brokerPool.metadata = metadata
    return startAttributes('process', facts, 't')['server.address']
  })
  expect(seen).toEqual([undefined, 'east.example', undefined, 'west.example'])
})

test('a client gets the cluster that was made for it, and one made by others in between is not kept', () => {
  const symbol = Symbol('private:Kafka:createCluster')
  let made = 0
  const kafka = { [symbol]: () => ({ brokerPool: { metadata: { clusterId: `cluster-${++made}` } } }) }
  const state: ClientState = { settings: {} as never, given: {}, facts: {}, on: true, undo: [] }
  const withCluster = watchClusters(kafka, state)
  kafka[symbol]()
  expect(withCluster(() => {})).toEqual({})
  expect(withCluster(() => kafka[symbol]()).clusterId?.()).toBe('cluster-2')
  expect(() =>
    withCluster(() => {
      kafka[symbol]()
      throw new Error('no such partitioner')
    }),
  ).toThrow('no such partitioner')
  expect(withCluster(() => {})).toEqual({})
})
