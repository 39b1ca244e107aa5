import { readFileSync, writeFileSync } from 'node:fs'
import { compareRuns, type Difference, type Run, tabulate } from './compare.ts'
import { intendedDifferences, renderDifferences, toUpstreamSeries } from './differences.ts'
import { buildOurs, nodes, programs, runPrograms, upstreamPreload } from './run.ts'

// Programs whose spans are the same under both: so must their metrics be.
const same = [
  'plain',
  'forwarded',
  'connections',
  'aborts',
  'fetches',
  'redirects',
  'capture',
  'https',
  'nested',
]
const built = buildOurs()
afterAll(() => built.dispose())

const explained = new Set<string>()

describe.each(nodes)('on Node $version', ({ bin }) => {
  let plain: Run
  let upstream: Run
  let ours: Run
  let differences: Difference[]

  beforeAll(async () => {
    ;[plain, upstream, ours] = await Promise.all([
      runPrograms(bin, undefined, built.directory),
      runPrograms(bin, upstreamPreload, built.directory),
      runPrograms(bin, built.preload, built.directory),
    ])
    differences = compareRuns(upstream, ours)
  }, 120_000)

  it.each(programs)('the program %s answers and fails as it does without telemetry', name => {
    expect(resultOf(ours, name)).toEqual(resultOf(plain, name))
  })

  it.each(programs)('the spans of %s are upstream’s but for the reviewed differences', name => {
    const unexplained = differences
      .filter(difference => difference.program === name)
      .filter(difference => {
        const rows = intendedDifferences.filter(row => row.matches(difference))
        for (const row of rows) explained.add(row.id)
        return rows.length === 0
      })
    expect(unexplained).toEqual([])
    expect(ours.results[name]?.spans.length).toBeGreaterThan(0)
  })

  it.each(programs)('every span of %s ends', name => {
    expect(ours.results[name]?.neverEnded).toBe(0)
  })

  it('listeners run in the span that upstream runs them in', () => {
    const traced = (run: Run, name: string) =>
      (run.results[name] as { result: { traced: string[] } }).result.traced
    expect(traced(ours, 'nested')).toEqual(traced(upstream, 'nested'))
    expect(traced(ours, 'http2').filter(line => line.endsWith('false'))).toEqual(['stream false'])
  })

  it('nothing of ours threw', () => {
    expect(ours.swallowed).toBe(0)
  })

  it('both durations have upstream’s name, unit, description, buckets, counts and, but for errors, attributes', async () => {
    const [a, b] = await Promise.all([
      runPrograms(bin, upstreamPreload, built.directory, same),
      runPrograms(bin, built.preload, built.directory, same),
    ])
    expect(tabulate(b.metrics, toUpstreamSeries)).toEqual(tabulate(a.metrics))
  }, 60_000)

  it('exemplars of both durations point to spans of their own kind', () => {
    const kinds = new Map<string, number>()
    for (const { spans } of Object.values(ours.results))
      for (const span of spans) kinds.set(span.spanId, span.kind)
    for (const metric of ours.metrics) {
      const exemplars = metric.points.flatMap(point => point.exemplars ?? []) as { spanId: string }[]
      expect(exemplars.length).toBeGreaterThan(0)
      const expected = metric.name.includes('server') ? 1 : 2
      for (const { spanId } of exemplars) expect(kinds.get(spanId)).toBe(expected)
    }
  })
})

it('every reviewed difference still explains something', () => {
  expect([...explained].sort()).toEqual(intendedDifferences.map(row => row.id).sort())
})

it('docs/http.md has the table of differences', () => {
  const file = 'docs/http.md'
  const page = readFileSync(file, 'utf8')
  const between = /(<!-- differences -->\n)[\s\S]*?(\n<!-- \/differences -->)/
  const written = page.replace(
    between,
    (_all, start: string, end: string) => start + renderDifferences() + end,
  )
  if (process.env.UPDATE_DOCS) writeFileSync(file, written)
  expect(between.test(page)).toBe(true)
  expect(readFileSync(file, 'utf8')).toBe(written)
})

// With telemetry the inner server sees the propagated baggage; everything else is to be equal.
function resultOf(run: Run, name: string): unknown {
  const { result } = run.results[name] as { result: unknown }
  const isSplit = typeof result === 'object' && result !== null && 'traced' in result
  const plain = isSplit ? (result as unknown as { result: unknown }).result : result
  return name === 'nested' ? JSON.parse(JSON.stringify(plain).replaceAll('tenant=blue', '')) : plain
}
