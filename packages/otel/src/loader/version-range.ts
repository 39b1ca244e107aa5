// The part of semver that instrumentations write: `>=4.0.0 <6`, `^3.1.0`, `2`, `1.x || 3`, `>= 6.7 < 8`, `*`.
// A prerelease belongs to the range its release belongs to, except at an upper bound: `<12` keeps 12.0.0-next.1 out.

type Version = readonly [number, number, number]
interface Parsed {
  release: Version
  /** How many of the three numbers were written. */
  parts: number
}

function parse(text: string): Parsed | undefined {
  const match = /^v?(\d+|[x*])(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?(?:[-+].*)?$/i.exec(text)
  if (!match) return undefined
  const numbers = [match[1], match[2], match[3]].map(part => (part === undefined ? NaN : Number(part)))
  const wild = numbers.findIndex(Number.isNaN)
  return {
    release: [numbers[0] || 0, numbers[1] || 0, numbers[2] || 0],
    parts: wild === -1 ? 3 : wild,
  }
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

/** The first version after everything that starts with the written parts. */
function after(parsed: Parsed, part: number): Version {
  const [major, minor, patch] = parsed.release
  if (part <= 1) return [major + 1, 0, 0]
  return part === 2 ? [major, minor + 1, 0] : [major, minor, patch + 1]
}

function satisfiesOne(version: Version, operator: string, bound: Parsed): boolean {
  if (bound.parts === 0) return true
  const low = compare(version, bound.release) >= 0
  switch (operator) {
    case '>=':
      return low
    case '>':
      return compare(version, after(bound, bound.parts)) >= 0
    case '<':
      return !low
    case '<=':
      return compare(version, after(bound, bound.parts)) < 0
    case '^': {
      const [major, minor] = bound.release
      const fixed = major > 0 ? 1 : minor > 0 ? 2 : 3
      return low && compare(version, after(bound, Math.min(fixed, bound.parts))) < 0
    }
    case '~':
    case '~>':
      return low && compare(version, after(bound, Math.min(2, bound.parts))) < 0
    default:
      return low && compare(version, after(bound, bound.parts)) < 0
  }
}

/** True when `version` (`5.3.0`, `12.0.0-next.1`) lies in `range`. An unreadable version or range is not in range. */
export function inRange(version: string, range: string): boolean {
  const parsed = parse(version)
  if (parsed === undefined) return range.trim() === '*'
  return range.split('||').some(alternative => {
    const comparators = alternative.replace(/(>=|<=|~>|[<>=^~])\s+/g, '$1').trim()
    if (comparators === '') return true
    return comparators.split(/[\s,]+/).every(comparator => {
      const match = /^(>=|<=|~>|[<>=^~]?)(.*)$/.exec(comparator)!
      const bound = parse(match[2]!)
      return bound !== undefined && satisfiesOne(parsed.release, match[1]!, bound)
    })
  })
}

export function inAnyRange(version: string, ranges: readonly string[] | undefined): boolean {
  return ranges === undefined || ranges.some(range => inRange(version, range))
}
