// What a kafkajs client knows about its cluster. Neither producer nor consumer shows it: the preload is handed the
// cluster by the factory files, `instrumentKafka` sees it being made.
import { readServer } from '../facts.ts'
import { guard } from '../guard.ts'
import type { ClientFacts, ClientState } from '../registry.ts'
import { type AnyFunction, replace } from '../wrap.ts'

interface Cluster {
  readonly brokerPool?: { readonly metadata?: Metadata | null }
  readonly connectionPoolBuilder?: object
}

interface Metadata {
  readonly clusterId?: unknown
  readonly brokers?: unknown
}

/** Connection pool builder -> the server its client was given. The builder has it in a closure. */
const configured = new WeakMap<object, ReturnType<typeof readServer>>()

/** For `src/cluster/connectionPoolBuilder.js`, the one place that every client's list of brokers goes through. */
export function rememberServers(build: unknown): unknown {
  if (typeof build !== 'function') return build
  return function (this: unknown, ...args: unknown[]) {
    const builder: unknown = build.apply(this, args)
    guard('remember the brokers of kafkajs', () => {
      const { brokers } = (args[0] ?? {}) as { brokers?: unknown }
      if (builder !== null && typeof builder === 'object') configured.set(builder, readServer(brokers))
    })
    return builder
  }
}

/** Id and address are functions: they are known once the client has fetched metadata, and may change with it. */
export function readCluster(given: unknown): ClientFacts {
  if (given === null || typeof given !== 'object') return {}
  const cluster = given as Cluster
  const { connectionPoolBuilder: builder } = cluster
  return {
    ...(typeof builder === 'object' ? configured.get(builder) : undefined),
    clusterId: () => {
      const id = cluster.brokerPool?.metadata?.clusterId
      return typeof id === 'string' ? id : undefined
    },
    onlyBroker: () => {
      const brokers = cluster.brokerPool?.metadata?.brokers
      return Array.isArray(brokers) && brokers.length === 1 ? brokers[0] : undefined
    },
  }
}

/**
 * Lets a `Kafka` object tell which cluster each of its clients got.
 *
 * @returns calls what makes a client, and gives the facts of the cluster that was made on the way
 */
export function watchClusters(kafka: object, state: ClientState): (make: () => unknown) => ClientFacts {
  let isWatching = false
  let cluster: unknown
  guard('watch the clusters of kafkajs', () => {
    const symbol = Object.getOwnPropertySymbols(kafka).find(
      own => own.description === 'private:Kafka:createCluster',
    )
    if (!symbol) return
    replace(
      kafka,
      symbol,
      state,
      (original): AnyFunction =>
        function (this: unknown, ...args: unknown[]) {
          const made = original.apply(this, args)
          if (isWatching) cluster = made
          return made
        },
    )
  })
  return make => {
    isWatching = true
    try {
      make()
      return guard('read a cluster', () => readCluster(cluster)) ?? {}
    } finally {
      isWatching = false
      cluster = undefined
    }
  }
}
