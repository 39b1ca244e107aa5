// Whatever is wrong around us, the application runs, ends with its own code, and a person is told in one line what
// was wrong, where it came from and what was done.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type App, expectTrace, runApp } from '@org/otel-devtools/testing'

const dist = resolve(__dirname, '../../packages/otel/dist')
const preload = join(dist, 'register.cjs')
const folder = mkdtempSync(join(tmpdir(), 'bad-input-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = `console.log('ready'); setTimeout(() => { process.exitCode = 7 }, 50)`

async function run(
  env: Record<string, string>,
  options: { preload?: string | false; cwd?: string; code?: string } = {},
) {
  const app: App = await runApp(options.code ?? program, {
    module: 'cjs',
    preload: options.preload ?? preload,
    cwd: options.cwd ?? folder,
    env,
  })
  try {
    return { exit: await app.exited, stdout: app.stdout, lines: app.stderr.split('\n').filter(Boolean) }
  } finally {
    await app.dispose()
  }
}

const cases: { what: string; env: Record<string, string>; says: RegExp[] }[] = [
  {
    what: 'misspelt variables',
    env: { OTEL_SERVICE: 'x', OTEL_EXPORTER_ENDPOINT: 'http://c:4317', OTEL_RESOURCE_ATTRS: 'a=b' },
    says: [
      /OTEL_SERVICE .*OTEL_SERVICE_NAME/,
      /OTEL_EXPORTER_ENDPOINT.*OTEL_EXPORTER_OTLP_ENDPOINT/,
      /OTEL_RESOURCE_ATTRS.*OTEL_RESOURCE_ATTRIBUTES/,
    ],
  },
  {
    what: 'malformed values, all said at once',
    env: {
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '1.5',
      OTEL_PROPAGATORS: 'w3c',
      OTEL_BSP_SCHEDULE_DELAY: '5s',
    },
    says: [
      /OTEL_TRACES_SAMPLER_ARG="1.5" \(environment\)/,
      /OTEL_PROPAGATORS/,
      /OTEL_BSP_SCHEDULE_DELAY="5s"/,
    ],
  },
  {
    what: 'an unknown protocol',
    env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grcp' },
    says: [/OTEL_EXPORTER_OTLP_PROTOCOL="grcp"/],
  },
  {
    what: 'an endpoint that is no URL',
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'not a url' },
    says: [/CONFIG_INVALID OTEL_EXPORTER_OTLP_ENDPOINT/],
  },
  {
    what: 'a configuration file that does not exist',
    env: { OTEL_CONFIG_FILE: '/nowhere/otel.yaml' },
    says: [/ORG_OTEL_CONFIG_FILE .*\/nowhere\/otel\.yaml/],
  },
]

test.each(cases)('$what: one line each, the program unchanged', async ({ env, says }) => {
  const { exit, stdout, lines } = await run(env)
  expect(exit).toEqual({ code: 7, signal: null })
  expect(stdout).toBe('ready\n')
  for (const pattern of says) expect(lines.filter(line => pattern.test(line))).toHaveLength(1)
})

test('a corrupt configuration file is said once and the environment is used', async () => {
  const file = join(folder, 'corrupt.yaml')
  writeFileSync(file, 'file_format: "1.0"\ntracer_provider: [unclosed')
  const { exit, lines } = await run({ OTEL_CONFIG_FILE: file, OTEL_SERVICE_NAME: 'kept' })
  expect(exit.code).toBe(7)
  expect(lines.filter(line => line.includes('ORG_OTEL_CONFIG_FILE'))).toHaveLength(1)
  expect(lines.join('\n')).toMatch(/service=kept/)
})

test('a broken package.json is said once and the service gets the name for unknown ones', async () => {
  const broken = join(folder, 'broken')
  cpSync(resolve(__dirname, '../apps'), broken, { recursive: true })
  writeFileSync(join(broken, 'package.json'), '{ "name": ')
  const file = join(broken, 'main.cjs')
  writeFileSync(file, program)
  const app = await runApp(file, { preload, cwd: folder, env: {} })
  expect(await app.exited).toEqual({ code: 7, signal: null })
  expect(app.stderr).toMatch(/package\.json/)
  await app.dispose()
})

test.each([
  ['refuses', 'http://127.0.0.1:1'],
  ['cannot be found', 'http://collector.invalid:4317'],
])('a collector that %s is said once, and holds nobody up', async (_, endpoint) => {
  const started = performance.now()
  const { exit, stdout, lines } = await run(
    { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    {
      code: `const http = require('http'); console.log('ready')
      const server = http.createServer((q, r) => r.end('x')).listen(0, '127.0.0.1', async () => {
        for (let i = 0; i < 20; i++) await (await fetch('http://127.0.0.1:' + server.address().port)).text()
        setTimeout(() => { server.close(); server.closeAllConnections(); process.exitCode = 7 }, 1500)
      })`,
    },
  )
  expect(exit).toEqual({ code: 7, signal: null })
  expect(stdout).toBe('ready\n')
  expect(lines.filter(line => /ORG_OTEL_EXPORT_(?!UNSENT)/.test(line)).length).toBe(1)
  // And what it cost, at the end.
  expect(lines.filter(line => /ORG_OTEL_EXPORT_UNSENT/.test(line)).length).toBe(1)
  expect(performance.now() - started).toBeLessThan(6000)
})

test('a port that speaks another protocol is named together with the fix', async () => {
  const { createServer } = await import('node:http')
  const server = createServer((_, response) => response.writeHead(404).end())
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  const { exit, lines } = await run(
    { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
    {
      code: `console.log('ready'); fetch('http://127.0.0.1:${port}/x').then(r => r.text()).then(() => { process.exitCode = 7 })`,
    },
  )
  server.close()
  expect(exit.code).toBe(7)
  expect(lines.filter(line => /ORG_OTEL_EXPORT/.test(line)).join('\n')).toMatch(/404/)
})

test('a missing optional part is said once; the rest works', async () => {
  const partial = join(folder, 'partial')
  cpSync(dist, partial, { recursive: true })
  rmSync(join(partial, 'metrics.cjs'))
  rmSync(join(partial, 'lib/express.cjs'))
  const app = await runApp(
    `const express = require('express'); const app = express(); app.get('/a', (q, r) => r.send('ok'))
     const server = app.listen(0, () => console.log('listening ' + server.address().port))`,
    { module: 'cjs', preload: join(partial, 'register.cjs'), cwd: resolve(__dirname, '..') },
  )
  try {
    expect((await app.get('/a')).body).toBe('ok')
    await expectTrace(app, { kind: 'server', attributes: { 'url.path': '/a' } })
    expect(app.stderr.match(/ORG_OTEL_INTERNAL .*express/g)).toHaveLength(1)
    expect(await app.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  } finally {
    await app.dispose()
  }
})

test('the core missing altogether leaves the application alone', async () => {
  const empty = join(folder, 'empty')
  cpSync(preload, join(empty, 'register.cjs'))
  const { exit, stdout, lines } = await run({}, { preload: join(empty, 'register.cjs') })
  expect(exit.code).toBe(7)
  expect(stdout).toBe('ready\n')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/ORG_OTEL_START_FAILED/)
})

test('start() from code reports every bad option at once, with a code', async () => {
  const { stdout } = await run(
    {},
    {
      preload: false,
      code: `const { start } = require(${JSON.stringify(join(dist, 'index.cjs'))})
        try { start({ sampler: 3, serviceNam: 'x', protocol: 'smoke' }) } catch (e) { console.log(JSON.stringify([e.code, e.message])) }
        console.log('ready')`,
    },
  )
  const [code, message] = JSON.parse(stdout.split('\n')[0] as string)
  expect(code).toBe('ORG_OTEL_ARGUMENT')
  for (const word of ['sampler', 'serviceNam', 'serviceName', 'protocol']) expect(message).toContain(word)
})
