// Values of spans: what a message and a client tell about themselves, in the types the conventions ask for.
import { isUtf8 } from 'node:buffer'
import { types } from 'node:util'
import type { Attributes } from '@opentelemetry/api'
import { guard } from './guard.ts'
import { getNames } from './names.ts'
import type { ClientInfo, Settings } from './options.ts'
import { type ClientFacts, registry } from './registry.ts'

const maxKeyLength = 256
// biome-ignore lint/suspicious/noControlCharactersInRegex: a key with control characters is a binary one
const control = /[\x00-\x1f\x7f]/

/**
 * The key as text, or undefined when it has no unambiguous text form (semantic conventions: leave it out then).
 * An empty key is a key; only null and undefined mean "none".
 */
export function readKey(key: unknown, settings: Settings): string | undefined {
  if (settings.captureKey === false || key === null || key === undefined) return undefined
  if (typeof settings.captureKey === 'function') {
    const { captureKey } = settings
    const recorded: unknown = guard('captureKey', () => captureKey(key))
    return typeof recorded === 'string' ? recorded : undefined
  }
  if (typeof key === 'number' || typeof key === 'bigint') return String(key)
  let text: string
  if (typeof key === 'string') text = key
  else if (types.isUint8Array(key) && key.length <= maxKeyLength && isUtf8(key))
    text = Buffer.from(key).toString()
  else return undefined
  return text.length > maxKeyLength || control.test(text) ? undefined : text
}

/** True for a record without a value. An empty value is a value. */
export function isTombstone(message: { readonly value?: unknown }): boolean {
  const { value } = message
  return value === null || (value === undefined && registry.tombstones.has(message))
}

/** Offset as an integer; undefined when unknown or beyond what a number holds exactly. */
export function readOffset(offset: unknown): number | undefined {
  if (offset === null || offset === undefined || offset === '') return undefined
  const value = Number(offset)
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** Milliseconds since the record's timestamp, 0 for one from the future, undefined without one. */
export function readQueueTime(timestamp: unknown, nowMs: number): number | undefined {
  if (timestamp === null || timestamp === undefined || timestamp === '') return undefined
  const value = Number(timestamp)
  // -1 is Kafka's NO_TIMESTAMP, and confluent has 0 for it.
  return Number.isFinite(value) && value > 0 ? Math.max(0, nowMs - value) : undefined
}

export function readPartition(partition: unknown): string | undefined {
  return typeof partition === 'number' && partition >= 0 ? String(partition) : undefined
}

type Operation = 'send' | 'process' | 'create'

interface Base {
  readonly revision: number
  readonly clusterId: string | undefined
  readonly onlyBroker: unknown
  readonly attributes: Readonly<Attributes>
}

const maxTopics = 1000
const bases: Record<Operation, WeakMap<ClientFacts, Map<string | undefined, Base>>> = {
  send: new WeakMap(),
  process: new WeakMap(),
  create: new WeakMap(),
}

/**
 * What every span of one operation of one client on one topic says, in an object of the caller's own. Nine spans in ten
 * differ in offset and partition only, so the rest is put together once: a copy of it costs a tenth.
 */
export function startAttributes(
  operation: Operation,
  facts: ClientFacts,
  topic: string | undefined,
): Attributes {
  let byTopic = bases[operation].get(facts)
  if (!byTopic) bases[operation].set(facts, (byTopic = new Map()))
  const revision = facts.revision ?? 0
  const clusterId = facts.clusterId?.()
  const onlyBroker = facts.serverAddress === undefined ? facts.onlyBroker?.() : undefined
  const known = byTopic.get(topic)
  if (
    known &&
    known.revision === revision &&
    known.clusterId === clusterId &&
    known.onlyBroker === onlyBroker
  ) {
    return { ...known.attributes }
  }
  if (byTopic.size >= maxTopics) byTopic.clear()
  const attributes = Object.freeze(describeOperation(operation, facts, topic, clusterId, onlyBroker))
  byTopic.set(topic, { revision, clusterId, onlyBroker, attributes })
  return { ...attributes }
}

function describeOperation(
  operation: Operation,
  facts: ClientFacts,
  topic: string | undefined,
  clusterId: string | undefined,
  onlyBroker: unknown,
): Attributes {
  const attributes: Attributes = {
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
  }
  const names = getNames()
  names.put(attributes, 'system', 'kafka')
  if (topic !== undefined) attributes['messaging.destination.name'] = topic
  if (operation === 'process' && facts.groupId !== undefined) {
    attributes['messaging.consumer.group.name'] = facts.groupId
  }
  if (facts.clientId !== undefined) attributes['messaging.client.id'] = facts.clientId
  const { serverAddress, serverPort } = facts.serverAddress === undefined ? readBroker(onlyBroker) : facts
  if (serverAddress !== undefined) {
    attributes['server.address'] = serverAddress
    if (serverPort !== undefined) attributes['server.port'] = serverPort
  }
  if (clusterId !== undefined) names.put(attributes, 'clusterId', clusterId)
  return attributes
}

export function readClientInfo(info: ClientInfo | undefined): ClientFacts {
  if (!info) return {}
  return { clientId: info.clientId, groupId: info.groupId, ...readServer(info.bootstrapServers) }
}

/** Address and port, only when there is exactly one server: of several nobody knows which one will be used. */
export function readServer(servers: unknown): Pick<ClientFacts, 'serverAddress' | 'serverPort'> {
  const list = typeof servers === 'string' ? servers.split(',') : Array.isArray(servers) ? servers : []
  const only: unknown = list[0]
  if (list.length !== 1 || typeof only !== 'string') return {}
  const match = /^(?:\w+:\/\/)?\[?(.+?)\]?:(\d+)$/.exec(only.trim())
  return match ? { serverAddress: match[1], serverPort: Number(match[2]) } : {}
}

function readBroker(broker: unknown): Pick<ClientFacts, 'serverAddress' | 'serverPort'> {
  const { host, port } = (broker ?? {}) as { host?: unknown; port?: unknown }
  if (typeof host !== 'string' || host === '') return {}
  return { serverAddress: host, serverPort: typeof port === 'number' ? port : undefined }
}
