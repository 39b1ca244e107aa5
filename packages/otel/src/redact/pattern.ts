// Regular expressions of the user, in the part of their syntax that needs time in proportion to the text. A pattern with two
// repetitions in one path can need the square or worse (`(a+)+`, `a*b*c`), so one without a bound may stand only at its end
// or be followed by what it cannot match, and nothing that repeats may contain anything that repeats.

export interface PatternFault {
  readonly fault: string
}

const maxPatternLength = 200
/** Of a repetition with a bound: `\d{12,19}` costs 19 looks at each position. */
const maxRepeats = 64
/** Ways to read one text from one start: what a pattern costs at each position. */
const maxWork = 64

/**
 * @example
 * compilePattern('KD-\\d{6,10}') // /KD-\d{6,10}/g
 * compilePattern('(a+)+') // { fault: 'repeats what repeats' }
 */
export function compilePattern(source: string): RegExp | PatternFault {
  if (source.length > maxPatternLength) return { fault: `is longer than ${maxPatternLength} characters` }
  const fault = findFault(source)
  if (fault !== undefined) return { fault }
  try {
    const pattern = new RegExp(source, 'g')
    if (pattern.test('')) return { fault: 'matches the empty text' }
    pattern.lastIndex = 0
    return pattern
  } catch (error) {
    return { fault: error instanceof Error ? error.message : 'cannot be read' }
  }
}

interface Group {
  /** Something inside repeats or chooses. */
  isComplex: boolean
}

/** A reader of the allowed syntax; what it does not know is refused. */
function findFault(source: string): string | undefined {
  let work = 1
  let unbounded = 0
  const groups: Group[] = []
  let last: Group | 'atom' | 'none' = 'none'
  for (let at = 0; at < source.length; at++) {
    const char = source[at] as string
    if (char === '\\') {
      const next = source[++at]
      if (next === undefined) return 'ends with a backslash'
      if (/[1-9k]/.test(next)) return 'has a back reference'
      if (/[pPcux0]/.test(next)) return `has \\${next}, which is not supported`
      last = next === 'b' || next === 'B' ? 'none' : 'atom'
    } else if (char === '[') {
      const end = findClassEnd(source, at)
      if (end === -1) return 'has a [ that is not closed'
      at = end
      last = 'atom'
    } else if (char === '(') {
      if (source[at + 1] === '?') {
        if (source[at + 2] !== ':') return 'has a look-around or a named group'
        at += 2
      }
      groups.push({ isComplex: false })
      last = 'none'
    } else if (char === ')') {
      const group = groups.pop()
      if (group === undefined) return 'has a ) without a ('
      const outer = groups.at(-1)
      if (outer !== undefined && group.isComplex) outer.isComplex = true
      last = group
    } else if (char === '|') {
      work *= 2
      for (const group of groups) group.isComplex = true
      if (unbounded > 0) return 'has alternatives beside a repetition without a bound'
      last = 'none'
    } else if (char === '*' || char === '+' || char === '?' || char === '{') {
      if (last === 'none') return `has a ${char} that repeats nothing`
      const repeat = readRepeat(source, at)
      if (repeat === undefined) return 'has a { that is no repetition'
      if (last !== 'atom' && last.isComplex && repeat.most > 1) return 'repeats what repeats'
      at = repeat.end
      if (source[at + 1] === '?') at++
      if (repeat.most === Number.POSITIVE_INFINITY) {
        if (groups.length > 0 || last !== 'atom')
          return 'has a repetition without a bound inside or of a group'
        if (++unbounded > 1) return 'has two repetitions without a bound'
        // From each start the rest of the text is read once: only the last thing of a pattern may do that, where a match
        // always takes what it has read.
        if (at !== source.length - 1) return 'has something behind a repetition without a bound'
      } else {
        if (repeat.most > maxRepeats) return `repeats more than ${maxRepeats} times`
        work *= repeat.most - repeat.least + 1
      }
      for (const group of groups) group.isComplex = true
      last = 'none'
    } else if (char === ']' || char === '}') return `has a ${char} without its beginning`
    else last = char === '^' || char === '$' ? 'none' : 'atom'
    if (work > maxWork) return 'has too many repetitions and alternatives'
  }
  return groups.length > 0 ? 'has a ( that is not closed' : undefined
}

function findClassEnd(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === ']' && at > start + 1) return at
  }
  return -1
}

function readRepeat(source: string, at: number): { least: number; most: number; end: number } | undefined {
  const char = source[at]
  if (char === '?') return { least: 0, most: 1, end: at }
  if (char !== '{') return { least: 0, most: Number.POSITIVE_INFINITY, end: at }
  const found = /^\{(\d{1,5})(,(\d{0,5}))?\}/.exec(source.slice(at, at + 16))
  if (found === null) return undefined
  const [all, first, comma, second] = found
  const end = at + all.length - 1
  const least = Number(first)
  if (comma === undefined) return { least, most: least, end }
  return { least, most: second === '' ? Number.POSITIVE_INFINITY : Number(second), end }
}
