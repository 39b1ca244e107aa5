import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '../http/compare.ts'
import { nodes } from '../http/run.ts'
import { compareRuns, tabulate } from './compare.ts'
import { renderDifferences } from './differences.ts'
import { compareWithUpstream } from './differential.ts'
import { here, programs, runPrograms, type Service, startPostgres, upstreamPreload } from './run.ts'

const compared = programs.filter(name => !name.startsWith('ioredis'))
const services: Service[] = []
const env: Record<string, string> = {}
beforeAll(async () => {
  services.push(await startPostgres())
  env.TEST_PG_PORT = String(services[0]?.port)
}, 60_000)
afterAll(() => {
  for (const service of services) service.stop()
})

const { built, explain } = compareWithUpstream(compared, env, ['@opentelemetry/instrumentation-express'])

// With our own options at upstream's defaults, and with upstream's options, there is nothing left to differ.
describe('with options', () => {
  const { bin } = nodes.find(({ version }) => version === '24') ?? nodes[0]!
  const run = (preload: string, names: readonly string[]) =>
    runPrograms(bin, preload, built.directory, env, names, [
      '--no-deprecation',
      '--require',
      join(here, 'options.cjs'),
    ])

  it('express spans are upstream’s, when they are asked for', async () => {
    const names = compared.filter(name => name.startsWith('express'))
    const [upstream, ours] = await Promise.all([run(upstreamPreload, names), run(built.preload, names)])
    expect(compareRuns(upstream, ours, { keepExpress: true })).toEqual([])
    const scopes = Object.values(ours.results).flatMap(({ spans }) => spans.map(span => span.scope))
    expect(scopes).toContain('@opentelemetry/instrumentation-express')
  }, 60_000)

  it('pg spans are upstream’s, with every hook called with the same', async () => {
    const names = ['pg-pool', 'pg-queries', 'pg-refused']
    const upstream = await run(upstreamPreload, names)
    const ours = await run(built.preload, names)
    const left = explain(compareRuns(upstream, ours)).filter(({ field }) => field !== 'span')
    expect(left).toEqual([])
    const attributes = Object.values(ours.results).flatMap(({ spans }) => spans.map(span => span.attributes))
    for (const key of ['hook.request', 'hook.response', 'hook.connection', 'db.postgresql.values'])
      expect(attributes.some(one => key in one)).toBe(true)
    expect(attributes.some(one => String(one['db.query.text']).includes("'s3cret'"))).toBe(true)
  }, 60_000)
})

it('a comment with the trace goes to the server, and a query object stays the one that was given', async () => {
  const { bin } = nodes.at(-1)!
  const flags = ['--no-deprecation', '--require', join(here, 'comments.cjs')]
  const run = await runPrograms(bin, built.preload, built.directory, env, ['pg-comments'], flags)
  const { result, spans } = run.results['pg-comments'] as {
    result: any
    spans: Run['results'][string]['spans']
  }
  const queries = spans.filter(({ name }) => name === 'pg.query:SELECT postgres')
  const traceparents = queries.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)
  expect(result.texts).toEqual([
    `SELECT current_query() AS text /*traceparent='${traceparents[0]}'*/`,
    `SELECT current_query() AS text, $1::int /*traceparent='${traceparents[1]}'*/`,
    'SELECT current_query() AS text /* commented */',
  ])
  expect(result.applicationName).toBe(traceparents[3])
  expect(result.isSameQuery).toBe(true)
  expect(result.config).toEqual({ text: 'SELECT current_query() AS text, $1::int', values: [1] })
  expect(run.swallowed).toBe(0)
}, 60_000)

it('pg measures what upstream measures, with its names, units, buckets, attributes and counts', async () => {
  const { bin } = nodes.at(-1)!
  const names = ['pg-open-pool']
  const upstream = tabulate((await runPrograms(bin, upstreamPreload, built.directory, env, names)).metrics)
  const ours = tabulate((await runPrograms(bin, built.preload, built.directory, env, names)).metrics)
  expect(Object.keys(ours).sort()).toEqual(Object.keys(upstream).sort())
  for (const key of Object.keys(upstream).filter(name => name.includes('operation.duration')))
    expect([key, ours[key]]).toEqual([key, upstream[key]])
  const pool = Object.fromEntries(
    Object.entries(ours)
      .filter(([key]) => key.startsWith('db.client.connection'))
      .map(([key, value]) => [key.replace(/\[\["db.client.connection.pool.name","[^"]*"\],?/, ''), value]),
  )
  // The connection of the failed query is closed.
  expect(pool).toEqual({
    'db.client.connection.count ["db.client.connection.state","idle"]]': 2,
    'db.client.connection.count ["db.client.connection.state","used"]]': 0,
    'db.client.connection.max ]': 3,
    'db.client.connection.pending_requests ]': 0,
  })
}, 60_000)

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
