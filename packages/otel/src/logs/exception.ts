import type { Attributes } from '@opentelemetry/api'
import { describeError } from '../self/error-text.ts'

/** `exception.*` of anything that was thrown (semantic conventions, exceptions in logs). Never throws. */
export function exceptionAttributes(exception: unknown): Attributes {
  const { type, message, stack } = describeError(exception)
  const attributes: Attributes = {}
  if (type !== '') attributes['exception.type'] = type
  if (message !== '') attributes['exception.message'] = message
  if (stack !== '') attributes['exception.stacktrace'] = stack
  return attributes
}
