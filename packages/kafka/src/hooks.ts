// For the preload: which files of which library are changed after they are loaded. The shapes match the loader's
// contract without importing it. Inner files are hooked because an ESM `import { Kafka } from 'kafkajs'` never shows
// the package's main file to a require hook, but does show these.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readConstructorConfig } from './adapters/confluent.ts'
import { readCluster, rememberServers } from './adapters/kafkajs-cluster.ts'
import { attachConsumer, attachProducer } from './client.ts'
import { guard } from './guard.ts'
import { useNames } from './names.ts'
import type { ClientInfo, KafkaOptions } from './options.ts'
import { type ClientFacts, registry } from './registry.ts'

export interface ModulePatch {
  readonly name: string
  readonly file?: string
  readonly versions?: readonly string[]
  patch(exports: any, info: ModuleInfo): any
}

export interface ModuleInfo {
  readonly name: string
  readonly version: string
  readonly baseDir: string
  readonly isEsm: boolean
}

export interface KafkaHooks {
  readonly modules: ModulePatch[]
  start?(): void
  stop?(): void
}

type Options = KafkaOptions & ClientInfo
type Attach = (client: object, options: Options | undefined, facts: ClientFacts) => void
type Class = new (...args: any[]) => object

/**
 * Hooks that instrument every client an application makes.
 *
 * @param options defaults for all clients; the application's own options for one of them win. `semconvOptIn`: what
 *   `OTEL_SEMCONV_STABILITY_OPT_IN` says, where it was not said in the environment
 * @example
 * ```ts
 * import { kafkaHooks } from '@org/otel-kafka/hooks'
 *
 * const hooks = kafkaHooks({ ignoreTopics: ['health'] })
 * hooks.start?.()
 * ```
 */
export function kafkaHooks(options?: Options & { semconvOptIn?: string }): KafkaHooks {
  if (options?.semconvOptIn !== undefined) useNames(options.semconvOptIn)
  const onInstance = (message: unknown) => {
    guard('plt:kafka:instances', () => attachPlatformatic(message as Instance, options))
  }
  const kafkajs = { name: 'kafkajs', versions: ['>=1.8.0 <3'] }
  const confluent = { name: '@confluentinc/kafka-javascript', versions: ['>=1.0.0 <2'] }
  const rdkafka = { name: 'node-rdkafka', versions: ['>=2.10.0 <4'] }
  return {
    modules: [
      { ...kafkajs, file: 'src/cluster/connectionPoolBuilder.js', patch: rememberServers },
      {
        ...kafkajs,
        file: 'src/producer/index.js',
        patch: exports => wrapKafkajs(exports, attachProducer, options),
      },
      {
        ...kafkajs,
        file: 'src/consumer/index.js',
        patch: exports => wrapKafkajs(exports, attachConsumer, options),
      },
      {
        ...confluent,
        file: 'lib/kafkajs/_producer.js',
        patch: exports => withMember(exports, 'Producer', made => wrapClass(made, attachProducer, options)),
      },
      {
        ...confluent,
        file: 'lib/kafkajs/_consumer.js',
        patch: exports => withMember(exports, 'Consumer', made => wrapClass(made, attachConsumer, options)),
      },
      ...[confluent, rdkafka].flatMap(library => [
        {
          ...library,
          file: 'lib/producer.js',
          patch: (exports: any) => wrapClass(exports, attachProducer, options),
        },
        {
          ...library,
          file: 'lib/producer/high-level-producer.js',
          patch: (exports: any) => wrapClass(exports, attachProducer, options),
        },
        {
          ...library,
          file: 'lib/kafka-consumer.js',
          patch: (exports: any) => wrapClass(exports, attachConsumer, options),
        },
      ]),
    ],
    start: () => subscribe(instancesChannel, onInstance),
    stop: () => {
      unsubscribe(instancesChannel, onInstance)
    },
  }
}

/** The factory files of kafkajs get everything: the group id, and the cluster with its id and address. */
function wrapKafkajs(factory: unknown, attach: Attach, options: Options | undefined): unknown {
  if (typeof factory !== 'function') return factory
  return function (this: unknown, ...args: unknown[]) {
    const client: unknown = factory.apply(this, args)
    guard('instrument kafkajs', () => {
      const { groupId, cluster } = (args[0] ?? {}) as { groupId?: unknown; cluster?: unknown }
      attach(client as object, options, {
        groupId: typeof groupId === 'string' ? groupId : undefined,
        ...readCluster(cluster),
      })
    })
    return client
  }
}

function withMember(exports: any, name: string, wrap: (member: unknown) => unknown): unknown {
  if (typeof exports?.[name] !== 'function') return exports
  return { ...exports, [name]: wrap(exports[name]) }
}

/**
 * A class whose objects are instrumented when they are made. A proxy, so that `instanceof`, statics and subclasses
 * stay what they are.
 */
function wrapClass(made: unknown, attach: Attach, options: Options | undefined): unknown {
  if (typeof made !== 'function') return made
  const instrument = (client: object, config: unknown) => {
    // confluent's KafkaJS classes make one of these for themselves when they connect: they are traced, not it.
    if (registry.inside > 0) return client
    guard('instrument a client', () => attach(client, options, readConstructorConfig(config)))
    return client
  }
  return new Proxy(made as Class, {
    construct(target, args, newTarget) {
      return instrument(Reflect.construct(target, args, newTarget), args[0])
    },
    apply(target, self, args) {
      const result: unknown = Reflect.apply(target, self, args)
      // Called without `new` these classes make one themselves; called by a subclass, they return nothing.
      return result !== null && typeof result === 'object' ? instrument(result, args[0]) : result
    },
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver)
      if (typeof value !== 'function') return value
      // These two make their client inside of the file, past the proxy.
      if (name === 'createWriteStream') {
        return (...args: unknown[]) =>
          adoptStream(value.apply(target, args), attachProducer, options, args[0])
      }
      if (name === 'createReadStream') {
        return (...args: unknown[]) =>
          adoptStream(value.apply(target, args), attachConsumer, options, args[0])
      }
      return value
    },
  })
}

function adoptStream(
  stream: unknown,
  attach: Attach,
  options: Options | undefined,
  config: unknown,
): unknown {
  guard('instrument a stream', () => {
    if (stream && typeof stream === 'object') attach(stream, options, readConstructorConfig(config))
  })
  return stream
}

const instancesChannel = 'plt:kafka:instances'

interface Instance {
  type?: unknown
  instance?: object
}

/** @platformatic/kafka announces everything it makes: no module hook is needed, for CommonJS or ES modules. */
function attachPlatformatic({ type, instance }: Instance, options: Options | undefined): void {
  if (!instance) return
  if (type === 'producer' || type === 'producer-stream') attachProducer(instance, options, {})
  else if (type === 'messages-stream' || type === 'consumer') attachConsumer(instance, options, {})
}
