// Node and undici throw on an illegal header, and inside a channel subscriber a throw kills the process. The
// propagators only make legal ones; a user's own propagator may not.
const legalName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const legalValue = /^[\t\x20-\x7e\x80-\xff]*$/
const maxLength = 16_384

export function isLegalHeader(name: unknown, value: unknown): boolean {
  if (name === 'traceparent' && typeof value === 'string' && value.length === 55)
    return legalValue.test(value)
  return (
    typeof name === 'string' &&
    typeof value === 'string' &&
    value.length <= maxLength &&
    legalName.test(name) &&
    legalValue.test(value)
  )
}
