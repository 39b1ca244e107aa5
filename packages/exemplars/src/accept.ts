// Does this scraper ask for OpenMetrics? RFC 9110 section 12.5.1: the most specific range decides, then its weight.

const versions: ReadonlySet<string> = new Set(['', '1.0.0', '0.0.1'])
// Prometheus' own header has about 250 characters; anything this long is not a scraper.
const maxLength = 4096

interface MediaRange {
  readonly type: string
  readonly version: string
  readonly weight: number
}

/**
 * True when OpenMetrics is named and weighs at least as much as the plain text format.
 * A wildcard alone asks for nothing: `*` + `/*` gets what it always got.
 */
export function prefersOpenMetrics(accept: unknown): boolean {
  if (typeof accept !== 'string' || accept.length > maxLength || !/openmetrics-text/i.test(accept))
    return false
  const ranges = accept.split(',').map(parseRange)
  const open = weightOf(ranges, 'application/openmetrics-text')
  if (open === undefined || open === 0) return false
  const plain = weightOf(ranges, 'text/plain') ?? weightOf(ranges, 'text/*') ?? weightOf(ranges, '*/*') ?? 0
  return open >= plain
}

function weightOf(ranges: readonly (MediaRange | undefined)[], type: string): number | undefined {
  let best: number | undefined
  for (const range of ranges) {
    if (range?.type !== type) continue
    if (type === 'application/openmetrics-text' && !versions.has(range.version)) continue
    if (best === undefined || range.weight > best) best = range.weight
  }
  return best
}

function parseRange(text: string): MediaRange | undefined {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim())
  let version = ''
  let weight = 1
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=')
    if (/^version$/i.test(name)) version = value.replace(/^"|"$/g, '')
    if (/^q$/i.test(name)) weight = /^(?:0(?:\.\d*)?|1(?:\.0*)?)$/.test(value) ? Number(value) : Number.NaN
  }
  // A weight nobody can read means that we do not know what is asked: as if the range were not there.
  return Number.isNaN(weight) ? undefined : { type: type.toLowerCase(), version, weight }
}
