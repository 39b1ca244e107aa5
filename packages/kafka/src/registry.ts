// What the copies of this package in one process share: the preload's, a CommonJS and an ES module one.
// It makes instrumenting idempotent, so preload and import together still give one span per operation.
// Its shape is a contract between versions: fields are only ever added.
import type { Span } from '@opentelemetry/api'
import { defaultSettings, type KafkaOptions, resolveSettings, type Settings } from './options.ts'
import { newRunningList, type RunningList } from './running.ts'

export interface ClientFacts {
  clientId?: string | undefined
  groupId?: string | undefined
  serverAddress?: string | undefined
  serverPort?: number | undefined
  clusterId?: (() => string | undefined) | undefined
  /** The one broker of a cluster that has one: `{ host, port }` as the client keeps it. Asked without `serverAddress`. */
  onlyBroker?: (() => unknown) | undefined
  /** Grows with everything that is learned later. */
  revision?: number
}

/** Everything we know about one producer, consumer or stream. */
export interface ClientState {
  settings: Settings
  /** The options that were given, without the defaults: what a factory hands down to the clients it makes. */
  given: KafkaOptions
  readonly facts: ClientFacts
  /** False after `untrace`: wrappers that could not be taken off any more call straight through. */
  on: boolean
  /** How to take our functions off again, newest last. */
  readonly undo: (() => void)[]
  /** `run` was called through us. */
  hasRun?: boolean
  /** Span of the open transaction that sends are part of, with `transactionSpans`. */
  within?: Span | undefined
}

interface Registry {
  readonly version: 1
  readonly clients: WeakMap<object, ClientState>
  readonly running: RunningList
  /** Message -> headers as they were on the wire, where the client shows deserialized ones. */
  readonly wireHeaders: WeakMap<object, unknown>
  /** Messages without a value whose deserializer made something else of it than null. */
  readonly tombstones: WeakSet<object>
  /** Message or batch -> the client that delivered it. */
  readonly deliveredBy: WeakMap<object, ClientState>
  /** Messages that were counted as delivered, for paths that can see one twice. */
  readonly counted: WeakSet<object>
  /** Messages that the application processes with a function of ours. Absent in older copies. */
  handled?: WeakSet<object>
  /** Buffers of ours that a header serializer must put on the wire as they are. */
  readonly rawBuffers: WeakSet<object>
  /** Meter provider -> its instruments: two copies that observed the same series would undo each other's sums. */
  readonly instruments: WeakMap<object, unknown>
  /** Above 0 while a traced client is inside its library: what that library calls in turn is not ours to trace. */
  inside: number
}

const key = Symbol.for('org.otel.kafka')

function readRegistry(): Registry {
  const holder = globalThis as { [key]?: Registry }
  const existing = holder[key]
  if (existing) return existing
  const created: Registry = {
    version: 1,
    clients: new WeakMap(),
    running: newRunningList(),
    wireHeaders: new WeakMap(),
    tombstones: new WeakSet(),
    deliveredBy: new WeakMap(),
    counted: new WeakSet(),
    rawBuffers: new WeakSet(),
    instruments: new WeakMap(),
    inside: 0,
  }
  Object.defineProperty(holder, key, { value: created })
  return created
}

export const registry = readRegistry()

/** State for helpers that are used without any client. */
export const looseState: ClientState = { settings: defaultSettings, given: {}, facts: {}, on: true, undo: [] }

/** The client's state, created on first sight; `isNew` says that its functions are not wrapped yet. */
export function claim(
  client: object,
  options: KafkaOptions | undefined,
): { state: ClientState; isNew: boolean } {
  const existing = registry.clients.get(client)
  if (existing) {
    existing.given = { ...existing.given, ...options }
    existing.settings = resolveSettings(options, existing.settings)
    return { state: existing, isNew: false }
  }
  const state: ClientState = {
    settings: resolveSettings(options),
    given: { ...options },
    facts: {},
    on: true,
    undo: [],
  }
  registry.clients.set(client, state)
  return { state, isNew: true }
}

/** A state that follows another one, but for what is given and what is changed on it later. */
export function derive(state: ClientState, own: Partial<ClientState>): ClientState {
  return Object.assign(Object.create(state) as ClientState, own)
}

/** The state of something a traced client made: a stream, a transaction. Undefined when it has one already. */
export function adopt(made: object, state: ClientState): ClientState | undefined {
  if (registry.clients.has(made)) return undefined
  const own = derive(state, { undo: [] })
  registry.clients.set(made, own)
  return own
}

/** Adds facts that are not known yet; what is known stays. */
export function learn(facts: ClientFacts, more: ClientFacts): void {
  for (const name of Object.keys(more) as (keyof ClientFacts)[]) {
    if (facts[name] !== undefined || more[name] === undefined) continue
    facts[name] = more[name] as never
    facts.revision = (facts.revision ?? 0) + 1
  }
}
