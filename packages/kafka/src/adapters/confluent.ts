// @confluentinc/kafka-javascript, its KafkaJS-style API.
//
// The classes have #private fields, so their objects are patched, never proxied. `sendBatch` calls `this.send` once
// per topic: wrapping `send` alone gives one span per topic. `transaction()` resolves to the producer itself.
import { context } from '@opentelemetry/api'
import { readServer } from '../facts.ts'
import { guard } from '../guard.ts'
import { type ClientState, learn, registry } from '../registry.ts'
import { isQuiet } from '../telemetry.ts'
import { type AnyFunction, replace } from '../wrap.ts'
import { recordLag, watchTransaction, wrapCommit, wrapRun, wrapSend } from './kafkajs.ts'

export function instrumentProducer(producer: object, state: ClientState): void {
  replace(producer, 'send', state, original => {
    const send = wrapSend(original, state)
    return function (this: unknown, ...args: unknown[]) {
      learnFromConfig(producer, state)
      return send.apply(this, args)
    }
  })
  replace(producer, 'connect', state, wrapConnect)
  replace(
    producer,
    'transaction',
    state,
    original =>
      function (this: unknown, ...args: unknown[]) {
        const result = original.apply(this, args)
        if (!state.on || !state.settings.transactionSpans || isQuiet(context.active())) return result
        if (typeof result?.then !== 'function') return result
        return result.then((transaction: unknown) => {
          guard('begin of a transaction', () => watchTransaction(producer, state, ['commit', 'abort']))
          return transaction
        })
      },
  )
}

export function instrumentConsumer(consumer: object, state: ClientState): void {
  replace(consumer, 'connect', state, wrapConnect)
  replace(consumer, 'commitOffsets', state, original => wrapCommit(original, state))
  replace(consumer, 'run', state, original => {
    const run = wrapRun(original, state)
    return function (this: unknown, ...args: unknown[]) {
      learnFromConfig(consumer, state)
      return run.apply(this, watchLag(args, state))
    }
  })
}

/** The rdkafka client made in here is the library's own: its messages are traced at this level already. */
function wrapConnect(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    registry.inside++
    try {
      return original.apply(this, args)
    } finally {
      registry.inside--
    }
  }
}

/** Batches know how far behind they are; the library has no event that says it. */
function watchLag(args: unknown[], state: ClientState): unknown[] {
  const config = args[0] as { eachBatch?: unknown } | null | undefined
  const handler = config?.eachBatch
  if (typeof handler !== 'function') return args
  const eachBatch = function (this: unknown, ...all: unknown[]) {
    guard('lag of a batch', () => {
      const { batch } = all[0] as { batch: { topic: string; partition: number; offsetLag(): string } }
      recordLag(state, batch.topic, batch.partition, batch.offsetLag())
    })
    return handler.apply(this, all)
  }
  return [{ ...config, eachBatch }, ...args.slice(1)]
}

interface InternalClient {
  globalConfig?: Record<string, unknown>
}

/** Client id, group and servers are in the configuration of the rdkafka client, which exists once connected. */
function learnFromConfig(client: object, state: ClientState): void {
  if (state.facts.clientId !== undefined && state.facts.serverAddress !== undefined) return
  guard('read the configuration', () => {
    const { _getInternalClient } = client as { _getInternalClient?: () => InternalClient | null }
    const config =
      typeof _getInternalClient === 'function' ? _getInternalClient.call(client)?.globalConfig : undefined
    if (config) learn(state.facts, readConfig(config))
  })
}

export function readConfig(config: Record<string, unknown>) {
  const text = (key: string) => (typeof config[key] === 'string' ? (config[key] as string) : undefined)
  return {
    clientId: text('client.id'),
    groupId: text('group.id'),
    ...readServer(text('bootstrap.servers') ?? text('metadata.broker.list')),
  }
}

/** The same facts from what the application passed to the constructor, `kafkaJS` block included. */
export function readConstructorConfig(config: unknown) {
  if (config === null || typeof config !== 'object') return {}
  const { kafkaJS } = config as { kafkaJS?: { clientId?: unknown; groupId?: unknown; brokers?: unknown } }
  const outer = readConfig(config as Record<string, unknown>)
  return {
    clientId: outer.clientId ?? (typeof kafkaJS?.clientId === 'string' ? kafkaJS.clientId : undefined),
    groupId: outer.groupId ?? (typeof kafkaJS?.groupId === 'string' ? kafkaJS.groupId : undefined),
    ...(outer.serverAddress === undefined ? readServer(kafkaJS?.brokers) : outer),
  }
}
