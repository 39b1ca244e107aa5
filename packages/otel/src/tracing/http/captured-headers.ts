// Header capture that was asked for (`Config.http.captureRequestHeaders`): attribute values are lists, as upstream's are.

export interface CapturedHeader {
  /** Lower case, to look up with. */
  readonly name: string
  /** `http.request.header.x-tenant`. */
  readonly key: string
}

export function buildCapturedHeaders(
  direction: 'request' | 'response',
  names: readonly string[],
): readonly CapturedHeader[] {
  const unique = new Set(names.map(name => name.toLowerCase()))
  return [...unique].map(name => ({ name, key: `http.${direction}.header.${name}` }))
}

/** What Node gives for a header, as an attribute value. */
export function toHeaderList(value: number | string | readonly string[]): (string | number)[] | string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'number' ? [value] : [...value]
}
