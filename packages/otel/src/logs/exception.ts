import type { Attributes } from '@opentelemetry/api'

/** `exception.*` of anything that was thrown (semantic conventions, exceptions in logs). Never throws. */
export function exceptionAttributes(exception: unknown): Attributes {
  try {
    if (typeof exception === 'string' || typeof exception === 'number')
      return { 'exception.message': String(exception) }
    if (typeof exception !== 'object' || exception === null) return {}
    const { code, name, message, stack } = exception as {
      code?: unknown
      name?: unknown
      message?: unknown
      stack?: unknown
    }
    const attributes: Attributes = {}
    const type = code ?? name
    if (type !== undefined && type !== null && type !== '') attributes['exception.type'] = String(type)
    if (typeof message === 'string' && message !== '') attributes['exception.message'] = message
    if (typeof stack === 'string' && stack !== '') attributes['exception.stacktrace'] = stack
    return attributes
  } catch {
    return {}
  }
}
