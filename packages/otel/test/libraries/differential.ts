// One table of comparisons, run where its services are: express and pg in `npm test`, ioredis beside a real Redis.
import type { Run } from '../http/compare.ts'
import { buildOurs, nodes } from '../http/run.ts'
import { compareRuns, type Difference } from './compare.ts'
import { type IntendedDifference, intendedDifferences } from './differences.ts'
import { runPrograms, upstreamPreload } from './run.ts'

export interface Comparison {
  readonly built: ReturnType<typeof buildOurs>
  /** Differences that no reviewed row explains; rows that explain one are noted. */
  explain(differences: readonly Difference[]): Difference[]
}

/**
 * Declares the tests that compare our spans of `programs` with upstream's on every Node. `env` is read when they run.
 * `scope`: upstream's instrumentation scopes that we do not use by default.
 */
export function compareWithUpstream(
  programs: readonly string[],
  env: Readonly<Record<string, string>>,
  onlyUpstream: readonly string[],
): Comparison {
  const built = buildOurs('../libraries/ours.ts')
  afterAll(() => built.dispose())
  const explained = new Set<string>()

  function explain(differences: readonly Difference[]): Difference[] {
    return differences.filter(difference => {
      const rows = intendedDifferences.filter(row => row.matches(difference))
      for (const row of rows) explained.add(row.id)
      return rows.length === 0
    })
  }

  describe.each(nodes)('on Node $version', ({ bin }) => {
    let plain: Run
    let upstream: Run
    let ours: Run
    let differences: Difference[]

    beforeAll(async () => {
      const run = (preload?: string) => runPrograms(bin, preload, built.directory, env, programs)
      // One after the other: the embedded database serves one session.
      plain = await run()
      upstream = await run(upstreamPreload)
      ours = await run(built.preload)
      differences = compareRuns(upstream, ours)
    }, 120_000)

    it.each(programs)('the program %s answers and fails as it does without telemetry', name => {
      expect(ours.results[name]?.result).toEqual(plain.results[name]?.result)
    })

    it.each(programs)('the spans of %s are upstream’s but for the reviewed differences', name => {
      const unexplained = explain(differences.filter(difference => difference.program === name))
      expect(unexplained).toEqual([])
      expect(ours.results[name]?.spans.length).toBeGreaterThan(0)
    })

    it.each(programs)('every span of %s ends', name => {
      expect(ours.results[name]?.neverEnded).toBe(0)
    })

    it('nothing of ours threw', () => {
      expect(ours.swallowed).toBe(0)
    })

    it('the scopes are upstream’s, with their versions', () => {
      const scopes = (run: Run) =>
        [...new Set(Object.values(run.results).flatMap(({ spans }) => spans.map(span => span.scope)))].sort()
      expect([...scopes(ours), ...onlyUpstream].sort()).toEqual(scopes(upstream))
    })
  })

  const isOurs = ({ library }: IntendedDifference) => programs.some(name => name.startsWith(library))
  it('every reviewed difference still explains something', () => {
    const rows = intendedDifferences.filter(isOurs).map(row => row.id)
    expect(rows.length).toBeGreaterThan(0)
    expect([...explained].sort()).toEqual(rows.sort())
  })
  return { built, explain }
}
