import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { send, traceId } from '../test/otlp.ts'
import { type App, runApp } from './testing/app.ts'

// The real command, built as it is published.
const command = join(mkdtempSync(join(tmpdir(), 'otel-view-')), 'cli.cjs')
buildSync({
  entryPoints: [join(__dirname, 'cli.ts')],
  outfile: command,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.6',
})

/** Runs the command on a free port; it says its address on stderr. */
async function view(...args: string[]): Promise<App & { target: { url: string } }> {
  const app = await runApp(command, {
    preload: false,
    args: ['--port', '0', ...args],
    env: { NODE_ENV: undefined },
    ready: /never said on stdout/,
    readyOnStderr: /listening on http:\/\/localhost:(\d+)/,
  })
  return Object.assign(app, { target: { url: `http://127.0.0.1:${app.port}` } })
}

test('every finished trace is drawn, and stdout carries nothing else', async () => {
  await using app = await view()
  await send(app.target as any, [{ id: '1', name: 'GET /', service: 'web', kind: 'server' }])
  await app.waitForOutput(traceId('a'))
  expect(app.stdout).toMatch(/^trace a{32} {2}1 ms, 1 span, 1 service\nGET \/ +web /)
  expect(await app.stop('SIGINT')).toEqual({ code: 0, signal: null })
})

test('--json writes one object per trace with spans and insights', async () => {
  await using app = await view('--json')
  await send(app.target as any, [{ id: '1', name: 'GET /', attributes: { n: 5 } }])
  await app.waitForOutput('"traceId"')
  expect(app.logs).toMatchObject([
    {
      traceId: traceId('a'),
      durationMs: 1,
      errors: 0,
      spans: [{ name: 'GET /', parentSpanId: null, attributes: { n: 5 } }],
      insights: [],
      logs: [],
    },
  ])
})

test.each([
  [['--help'], {}, 0, /otel-view \[options\]/],
  [['--nope'], {}, 2, /unknown option --nope/],
  [['--port', 'x'], {}, 2, /--port: expected a number/],
  [['--port', '0'], { NODE_ENV: 'production' }, 2, /for development only/],
])('%j ends with a sentence', async (args, env, code, text) => {
  await using app = await runApp(command, { preload: false, args, env })
  expect((await app.exited).code).toBe(code)
  expect(app.stdout + app.stderr).toMatch(text)
})

test('a port in use is one line with advice', async () => {
  await using first = await view()
  await using second = await runApp(command, { preload: false, args: ['--port', String(first.port)] })
  expect((await second.exited).code).toBe(1)
  expect(second.stderr).toMatch(/^otel-view: .*EADDRINUSE.*--port 0\n$/)
})

test('it ends when the reader of its output has gone', async () => {
  const child = spawn(process.execPath, [command, '--port', '0', '--list'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const port = await new Promise<string>(resolve => {
    child.stderr.on('data', chunk => {
      const found = /localhost:(\d+)/.exec(String(chunk))
      if (found) resolve(found[1]!)
    })
  })
  child.stdout.destroy()
  const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
  await send({ url: `http://127.0.0.1:${port}` } as any, [{ id: '1' }])
  expect(await ended).toBe(0)
})
