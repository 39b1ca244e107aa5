// Headers as Node takes them: an object, a flat array, or an array of pairs.

export function readHeader(headers: unknown, name: string): unknown {
  for (const [key, value] of pairsOf(headers)) if (key.toLowerCase() === name) return value
  return undefined
}

/** A copy without the named headers; arrays come back flat. */
export function withoutHeaders(headers: any, names: readonly string[]): any {
  if (Array.isArray(headers)) {
    return pairsOf(headers)
      .filter(([key]) => !names.includes(key.toLowerCase()))
      .flat()
  }
  // Keeps prototype and symbols: Node marks headers of its HTTP/2 compatibility layer with them.
  const copy = Object.create(Object.getPrototypeOf(headers))
  for (const key of Reflect.ownKeys(headers)) {
    if (typeof key === 'symbol' || !names.includes(key.toLowerCase())) copy[key] = headers[key]
  }
  return copy
}

function pairsOf(headers: any): [string, unknown][] {
  if (headers === null || typeof headers !== 'object') return []
  if (!Array.isArray(headers)) return Object.entries(headers)
  if (Array.isArray(headers[0])) return headers as [string, unknown][]
  const pairs: [string, unknown][] = []
  for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([String(headers[i]), headers[i + 1]])
  return pairs
}
