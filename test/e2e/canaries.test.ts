// The promise: what is secret arrives nowhere, whichever library of the catalog says it. Each row of `plants` runs its library
// once with everything hidden and once with nothing hidden: a canary that does not arrive then proves nothing, and is named.
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { runApp } from '@org/otel-devtools/testing'

interface Plant {
  readonly places: readonly string[]
  /** Never leave, redaction or not: our instrumentation does not take them. */
  readonly never?: readonly string[]
  /** Arrive without redaction in some releases. */
  readonly maybe?: readonly string[]
  /** Stay visible by intention. */
  readonly shown?: readonly string[]
}

jest.setTimeout(180_000)
const cwd = join(__dirname, '..')
const program = join(cwd, 'apps/canaries/plants.cjs')
const { plants } = createRequire(__filename)(program) as { plants: Record<string, Plant> }
let collector: Server
let postgres: ChildProcess
let postgresPort = ''
const bodies: Buffer[] = []

beforeAll(async () => {
  // Not the receiver of the testing kit: that one decodes, and what it does not know it would not show.
  collector = createServer((request, response) => {
    request.on('data', chunk => bodies.push(chunk)).on('end', () => response.end())
  })
  await new Promise<void>(done => collector.listen(0, '127.0.0.1', done))
  postgres = spawn(process.execPath, [join(cwd, '../packages/otel/test/libraries/postgres.mjs')], {
    cwd: join(cwd, '..'),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  postgresPort = await new Promise(done => postgres.stdout?.once('data', data => done(String(data).trim())))
})
afterAll(async () => {
  postgres.stdin?.end()
  await new Promise(done => collector.close(done).closeAllConnections())
})

async function arrive(redaction: 'on' | 'off') {
  bodies.length = 0
  const app = await runApp(program, {
    cwd,
    ready: /^planted$/m,
    timeoutMs: 90_000,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      ORG_OTEL_REDACTION: redaction,
      ORG_OTEL_LOG_SENDING: 'true',
      ORG_OTEL_HTTP_CAPTURE_REQUEST_HEADERS: 'authorization,cookie,referer,x-api-key,x-original-url',
      POSTGRES_PORT: postgresPort,
    },
  })
  expect(await app.exited).toEqual({ code: 0, signal: null })
  const { stdout, stderr } = app
  await app.dispose()
  const found = (text: string) => new Set(text.match(/CANARY-[\w.-]+?-[\w.-]*[\w]/g) ?? [])
  return { stdout, stderr, sent: Buffer.concat(bodies).toString('latin1'), found }
}

const rows = Object.entries(plants)
const canary = (library: string, place: string) => `CANARY-${library}-${place}`
const running = {
  on: undefined as ReturnType<typeof arrive> | undefined,
  off: undefined as ReturnType<typeof arrive> | undefined,
}

// One after the other: they share a collector.
beforeAll(async () => {
  running.off = arrive('off')
  await running.off
  running.on = arrive('on')
  await running.on
}, 180_000)

test('every library ran, and nothing of ours failed', async () => {
  for (const mode of ['on', 'off'] as const) {
    const { stdout, stderr } = await running[mode]!
    expect(stdout.replace(/^planted\n/m, '')).toBe('')
    expect(stderr).not.toMatch(/ORG_OTEL_INTERNAL|CANARY/)
  }
})

test('at least thirty canaries are planted in a server, and each row plants some', () => {
  expect(rows.every(([, { places }]) => places.length > 0)).toBe(true)
  expect(rows.flatMap(([, { places }]) => places).length).toBeGreaterThan(200)
})

describe.each(rows)('%s', (library, { places, never = [], maybe = [], shown = [] }) => {
  test('without redaction its canaries arrive, so that the other test can fail', async () => {
    const { sent } = await running.off!
    const missing = places.filter(place => !sent.includes(canary(library, place)))
    expect(missing.filter(place => !maybe.includes(place))).toEqual(
      never.filter(place => !maybe.includes(place)),
    )
  })

  test('by default none arrives', async () => {
    const { sent } = await running.on!
    expect(sent).toContain(`plant ${library}`)
    expect(places.filter(place => sent.includes(canary(library, place)))).toEqual(shown)
  })
})
