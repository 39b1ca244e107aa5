// `error.type` of a failed operation: the Kafka error code where there is one, a name otherwise.

const codeLike = /^[A-Z][A-Z0-9_]*$/
const maxDepth = 8

interface ErrorShape {
  type?: unknown
  apiId?: unknown
  name?: unknown
  cause?: unknown
  errors?: unknown
  constructor?: { name?: unknown }
}

/**
 * `UNKNOWN_TOPIC_OR_PARTITION` from kafkajs and confluent (`type`) or platformatic (`apiId`), also from below a retry
 * or aggregate error; else the error's name; `_OTHER` for what is no error.
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
  for (const code of [shape.type, shape.apiId]) {
    if (typeof code === 'string' && codeLike.test(code)) return code
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

function findName(error: unknown): string {
  if (error === null || typeof error !== 'object') return '_OTHER'
  const { name, constructor } = error as ErrorShape
  if (typeof name === 'string' && name !== '') return name
  return typeof constructor?.name === 'string' && constructor.name !== '' ? constructor.name : '_OTHER'
}
