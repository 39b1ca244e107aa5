import { readFileSync, writeFileSync } from 'node:fs'
import type { Run } from '../http/compare.ts'
import { buildOurs, nodes } from '../http/run.ts'
import { compareRuns, type Difference } from './compare.ts'
import { intendedDifferences, renderDifferences } from './differences.ts'
import { programs, runPrograms, type Service, startPostgres, upstreamPreload } from './run.ts'

const built = buildOurs('../libraries/ours.ts')
let postgres: Service
beforeAll(async () => {
  postgres = await startPostgres()
}, 60_000)
afterAll(() => {
  postgres?.stop()
  built.dispose()
})

const explained = new Set<string>()

describe.each(nodes)('on Node $version', ({ bin }) => {
  let plain: Run
  let upstream: Run
  let ours: Run
  let differences: Difference[]

  beforeAll(async () => {
    const env = { TEST_PG_PORT: String(postgres.port) }
    const run = (preload?: string) => runPrograms(bin, preload, built.directory, env)
    // One after the other: the embedded database serves one connection at a time.
    plain = await run()
    upstream = await run(upstreamPreload)
    ours = await run(built.preload)
    differences = compareRuns(upstream, ours)
  }, 120_000)

  it.each(programs)('the program %s answers and fails as it does without telemetry', name => {
    expect(ours.results[name]?.result).toEqual(plain.results[name]?.result)
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

  it('nothing of ours threw', () => {
    expect(ours.swallowed).toBe(0)
  })
})

it('every reviewed difference still explains something', () => {
  expect([...explained].sort()).toEqual(intendedDifferences.map(row => row.id).sort())
})

it('docs/libraries.md has the table of differences', () => {
  const file = 'docs/libraries.md'
  const page = readFileSync(file, 'utf8')
  const between = /(<!-- differences -->\n)[\s\S]*?(\n<!-- \/differences -->)/
  const written = page.replace(
    between,
    (_all, start: string, end: string) => start + renderDifferences() + end,
  )
  if (process.env.UPDATE_DOCS) writeFileSync(file, written)
  expect(between.test(page)).toBe(true)
  expect(page).toBe(written)
})
