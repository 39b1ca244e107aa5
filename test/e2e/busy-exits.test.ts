// The promise: on a machine that has no time, a process that ends delivers everything, or says how many it lost.
//
//     BUSY_EXITS=32 BUSY_SPINNERS=24 npm test -- test/e2e/busy-exits
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { type App, runApp, startReceiver } from '@org/otel-devtools/testing'

const exits = Number(process.env.BUSY_EXITS ?? 8)
const spinners = Number(process.env.BUSY_SPINNERS ?? 4)
const spanCount = 20
const program = join(__dirname, '../apps/busy-exit.cjs')

test(`${exits} processes that end beside ${spinners} that spin deliver their spans, or say how many they lost`, async () => {
  // They end by themselves, should this test be ended before it ends them.
  const spin = 'const end = Date.now() + 60000; while (Date.now() < end);'
  const busy: ChildProcess[] = []
  const receiver = await startReceiver({ unref: true })
  const apps: App[] = []
  try {
    for (let i = 0; i < spinners; i++) busy.push(spawn(process.execPath, ['-e', spin], { stdio: 'ignore' }))
    const runs = Array.from({ length: exits }, async (_, run) => {
      const app = await runApp(program, {
        args: [String(run), run % 2 === 0 ? 'exits' : 'throws'],
        cwd: join(__dirname, '..'),
        receiver,
        timeoutMs: 50_000,
        env: { OTEL_SERVICE_NAME: 'shop', OTEL_METRICS_EXPORTER: 'none' },
      })
      apps.push(app)
      return { run, app, exit: await app.exited }
    })
    const seen: [number, number][] = []
    for (const { run, app, exit } of await Promise.all(runs)) {
      expect(exit).toEqual({ code: run % 2 === 0 ? 3 : 1, signal: null })
      const ids = receiver.store.spans({ attributes: { run } }).map(span => span.spanId)
      expect(new Set(ids).size).toBe(ids.length)
      const said = /ORG_OTEL_EXPORT_UNSENT .*?(\d+) spans?/.exec(app.stderr)
      const lost = Number(said?.[1] ?? 0)
      seen.push([ids.length, lost])
      // What arrived without an answer in time is said as lost as well: never less than what is missing.
      expect(ids.length + lost).toBeGreaterThanOrEqual(spanCount)
    }
    if (process.env.BUSY_EXITS)
      process.stderr.write(`delivered and said to be lost, by process: ${seen.join(' ')}\n`)
  } finally {
    for (const child of busy) child.kill('SIGKILL')
    await Promise.all(apps.map(app => app.dispose()))
    await receiver.close()
  }
}, 90_000)
