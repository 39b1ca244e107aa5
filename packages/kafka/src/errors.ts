// `error.type` of a failed operation: the Kafka error code where there is one, a name otherwise.

const codeLike = /^[A-Z][A-Z0-9_]*$/
const maxDepth = 8

interface ErrorShape {
  type?: unknown
  apiId?: unknown
  code?: unknown
  name?: unknown
  cause?: unknown
  errors?: unknown
}

/**
 * `UNKNOWN_TOPIC_OR_PARTITION` from kafkajs and confluent (`type`), platformatic (`apiId`) or rdkafka (`code`), also
 * from below a retry or aggregate error; else the error's name; `_OTHER` for what is no error.
 */
export function findErrorType(error: unknown): string {
  try {
    return findCode(error, 0) ?? findName(error)
  } catch {
    return '_OTHER'
  }
}

function findCode(error: unknown, depth: number): string | undefined {
  if (error === null || typeof error !== 'object' || depth > maxDepth) return undefined
  const shape = error as ErrorShape
  for (const code of [shape.type, shape.apiId, findCodeName(error, shape.code)]) {
    if (typeof code === 'string' && codeLike.test(code)) return toProtocolName(code)
  }
  const below = findCode(shape.cause, depth + 1)
  if (below !== undefined) return below
  if (!Array.isArray(shape.errors)) return undefined
  for (const inner of shape.errors.slice(0, 16)) {
    const code = findCode(inner, depth + 1)
    if (code !== undefined) return code
  }
  return undefined
}

/** rdkafka errors have a number, and the class that made them has the names: `LibrdKafkaError.codes`. */
function findCodeName(error: object, code: unknown): string | undefined {
  if (typeof code !== 'number') return undefined
  const { codes } = (error as { constructor: { codes?: Record<string, unknown> } }).constructor
  if (codes === undefined || codes === null || typeof codes !== 'object') return undefined
  return Object.keys(codes).find(name => codes[name] === code)
}

/** Names that librdkafka abbreviates, as Kafka's protocol and the other clients spell them. */
const protocolNames: Readonly<Record<string, string>> = {
  UNKNOWN_TOPIC_OR_PART: 'UNKNOWN_TOPIC_OR_PARTITION',
  MSG_SIZE_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  INVALID_MSG: 'CORRUPT_MESSAGE',
  INVALID_MSG_SIZE: 'INVALID_FETCH_SIZE',
  STALE_CTRL_EPOCH: 'STALE_CONTROLLER_EPOCH',
  TOPIC_EXCEPTION: 'INVALID_TOPIC_EXCEPTION',
}

/** `ERR_` goes, and what is left is the protocol's name or, with a leading underscore, one of librdkafka's own. */
function toProtocolName(code: string): string {
  const name = code.startsWith('ERR_') ? code.slice(4) : code
  return protocolNames[name] ?? name
}

function findName(error: unknown): string {
  if (error === null || typeof error !== 'object') return '_OTHER'
  const { name, code } = error as ErrorShape
  // `ECONNREFUSED` or `PLT_KFK_NETWORK` says more than "Error".
  if (name === 'Error' && typeof code === 'string' && codeLike.test(code)) return code
  if (typeof name === 'string' && name !== '') return name
  const made = (error as { constructor?: { name?: unknown } }).constructor?.name
  return typeof made === 'string' && made !== '' ? made : '_OTHER'
}
