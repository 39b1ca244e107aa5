// The promise of the README: the demo tells its story on a fresh machine, and notices when a link of it is missing.
import { join } from 'node:path'
import { runApp } from '@org/otel-devtools/testing'

const demo = join(__dirname, '../../examples/payments/demo.mjs')
// Seven processes, a database and a broker start: on a busy machine that takes its time.
const timeoutMs = 110_000

function tell(env: Record<string, string> = {}) {
  // The demo starts a receiver of its own, as for anybody.
  const own = { OTEL_EXPORTER_OTLP_ENDPOINT: undefined, ...env }
  return runApp(demo, {
    preload: false,
    args: ['--once'],
    ready: /^\w+ .*links? .*\.$/m,
    timeoutMs,
    env: own,
  })
}

test('the demo finds the N+1 behind the p99 through exemplar, trace and logs, and every link holds', async () => {
  await using app = await tell()
  expect({ exit: await app.exited, missing: missing(app.stdout) }).toEqual({
    exit: { code: 0, signal: null },
    missing: [],
  })
  expect(app.stdout).toMatch(
    /n\+1: 12 x SELECT … payments\.ledger_entries \(pg\): .* sequential: batch or join/,
  )
  expect(app.stdout).toMatch(/All \d\d links hold/)
}, 120_000)

test('with sampling off the demo names the links that are missing and ends with 1', async () => {
  await using app = await tell({ OTEL_TRACES_SAMPLER: 'always_off' })
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(missing(app.stdout)).toContainEqual(expect.stringMatching(/the slowest bucket has an exemplar/))
}, 120_000)

function missing(stdout: string): string[] {
  const list = stdout.split('Checked\n')[1]
  return list === undefined ? [stdout] : list.split('\n').filter(line => line.startsWith('   ✗'))
}
