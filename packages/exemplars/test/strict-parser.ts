// A strict reader of OpenMetrics text 1.0, for tests: throws at the first line that breaks a MUST of the specification.

export interface ParsedSample {
  name: string
  labels: Record<string, string>
  value: number
  exemplar?: { labels: Record<string, string>; value: number; timestamp: number }
}

export interface ParsedFamily {
  name: string
  type: string
  help: string | undefined
  samples: ParsedSample[]
}

const suffixes: Record<string, readonly string[]> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  summary: ['', '_count', '_sum', '_created'],
  unknown: [''],
}
const numberPattern = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)$/

export function parseOpenMetrics(text: string): ParsedFamily[] {
  if (!text.endsWith('# EOF\n')) throw new Error('the page does not end with # EOF')
  const lines = text.slice(0, -'# EOF\n'.length).split('\n')
  if (lines.pop() !== '') throw new Error('the last line before # EOF is not ended')
  const families: ParsedFamily[] = []
  const taken = new Set<string>()
  const series = new Set<string>()
  for (const line of lines) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`)
    }
    if (line === '') fail('blank line')
    if (line.startsWith('#')) {
      const [, keyword, name, rest] =
        /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line) ?? fail('bad comment')
      let family = families.at(-1)
      if (family?.name !== name || family!.samples.length > 0) {
        if (families.some(known => known.name === name)) fail('family appears twice')
        family = { name: name!, type: 'unknown', help: undefined, samples: [] }
        families.push(family)
      }
      if (keyword === 'HELP') family!.help = rest!
      if (keyword === 'TYPE') {
        if (suffixes[rest!] === undefined) fail('unknown type')
        family!.type = rest!
        for (const suffix of suffixes[rest!]!) {
          if (taken.has(name! + suffix)) fail('name clashes with another family')
          taken.add(name! + suffix)
        }
      }
      continue
    }
    const sample = parseSample(line, fail)
    const family = families.at(-1) ?? fail('sample before any family')
    const suffix = suffixes[family.type]!.find(known => sample.name === family.name + known)
    if (suffix === undefined) fail(`not a sample of ${family.type} ${family.name}`)
    const id = JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
    if (series.has(id)) fail('series appears twice')
    series.add(id)
    const mayCarry = suffix === '_bucket' || (family.type === 'counter' && suffix === '_total')
    if (sample.exemplar !== undefined && !mayCarry) fail('exemplar where none is allowed')
    if (suffix === '_bucket' && sample.labels.le === undefined) fail('bucket without le')
    family.samples.push(sample)
  }
  for (const family of families) if (family.type === 'histogram') checkBuckets(family)
  return families
}

function checkBuckets(family: ParsedFamily): void {
  const groups = new Map<string, ParsedSample[]>()
  for (const sample of family.samples) {
    const { le, ...rest } = sample.labels
    const key = JSON.stringify(Object.entries(rest).sort())
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  for (const group of groups.values()) {
    const buckets = group.filter(sample => sample.name.endsWith('_bucket'))
    const bounds = buckets.map(sample => Number(sample.labels.le!.replace('+Inf', 'Infinity')))
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${family.name} has no +Inf bucket`)
    for (let i = 1; i < bounds.length; i++) {
      if (bounds[i]! <= bounds[i - 1]!) throw new Error(`${family.name}: buckets out of order`)
      if (buckets[i]!.value < buckets[i - 1]!.value) throw new Error(`${family.name}: counts decrease`)
    }
    for (const [i, bucket] of buckets.entries()) {
      const { exemplar } = bucket
      if (exemplar === undefined) continue
      if (exemplar.value > bounds[i]! || (i > 0 && exemplar.value <= bounds[i - 1]!)) {
        throw new Error(`${family.name}: exemplar ${exemplar.value} is outside of le=${bucket.labels.le}`)
      }
    }
    const count = group.find(sample => sample.name.endsWith('_count'))
    if (count !== undefined && count.value !== buckets.at(-1)!.value)
      throw new Error(`${family.name}: _count is not +Inf`)
  }
}

function parseSample(line: string, fail: (why: string) => never): ParsedSample {
  const reader = { rest: line }
  const name = take(reader, /^[a-zA-Z_:][a-zA-Z0-9_:]*/) ?? fail('bad name')
  const labels = parseLabels(reader, fail)
  const value = parseNumber(take(reader, /^ (\S+)/)?.slice(1), fail)
  // An optional timestamp may follow the value.
  if (/^ [^#]/.test(reader.rest)) parseNumber(take(reader, /^ (\S+)/)?.slice(1), fail)
  if (reader.rest === '') return { name, labels, value }
  if (take(reader, /^ # /) === undefined) fail('garbage after the value')
  if (!reader.rest.startsWith('{')) fail('exemplar without labels')
  const exemplarLabels = parseLabels(reader, fail)
  const size = Object.entries(exemplarLabels).reduce(
    (sum, [key, text]) => sum + [...key].length + [...text].length,
    0,
  )
  if (size > 128) fail(`exemplar labels of ${size} characters`)
  const exemplarValue = parseNumber(take(reader, /^ (\S+)/)?.slice(1), fail)
  const timestamp = parseNumber(take(reader, /^ (\S+)/)?.slice(1), fail)
  if (reader.rest !== '') fail('garbage after the exemplar')
  return { name, labels, value, exemplar: { labels: exemplarLabels, value: exemplarValue, timestamp } }
}

function parseLabels(reader: { rest: string }, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {}
  if (!reader.rest.startsWith('{')) return labels
  reader.rest = reader.rest.slice(1)
  while (!reader.rest.startsWith('}')) {
    const name = take(reader, /^[a-zA-Z_][a-zA-Z0-9_]*(?==")/) ?? fail('bad label name')
    const quoted = take(reader, /^="(?:[^"\\\n]|\\["\\n])*"/) ?? fail('bad label value')
    if (name in labels) fail('label appears twice')
    labels[name] = quoted.slice(2, -1).replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))
    if (take(reader, /^,(?=[a-zA-Z_])/) === undefined && !reader.rest.startsWith('}'))
      fail('labels not separated')
  }
  reader.rest = reader.rest.slice(1)
  return labels
}

function parseNumber(text: string | undefined, fail: (why: string) => never): number {
  if (text === undefined || !numberPattern.test(text)) return fail('bad number')
  return Number(text.replace('Inf', 'Infinity'))
}

function take(reader: { rest: string }, pattern: RegExp): string | undefined {
  const found = pattern.exec(reader.rest)
  if (found === null) return undefined
  reader.rest = reader.rest.slice(found[0].length)
  return found[0]
}
