// What `error.type` says about an error: something to group by, never a message.

/**
 * The code of an error (`ECONNREFUSED`), or its name: the codes of a DOMException are numbers, and `TimeoutError` says more
 * than 23. Semantic conventions: "a component-specific low cardinality error identifier".
 */
export function errorTypeOf(error: unknown): string {
  if (typeof error === 'string') return 'string'
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  if (typeof code === 'string' && code !== '') return code
  return typeof name === 'string' && name !== '' ? name : 'Error'
}
