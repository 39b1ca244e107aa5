// The end of a process under the preload's exit handling: same exit code, same signal, in time, nothing lost.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { Collector, type Reply, until } from '../../packages/otel/test/export/collector.ts'
import { majors, nodePath } from '../../scripts/nodes.mjs'

const app = join(__dirname, '../apps/exits.cjs')
const directory = mkdtempSync(join(tmpdir(), 'exits-'))
const preload = join(directory, 'preload.cjs')
/** What is shown is that everything arrives: a busy machine needs long to start the child that sends. */
const ampleTime = { exit: { lastWordsMs: 5000 } }
/** Beyond the promised bound, for a machine that does other things too. */
const slackMs = 1500

type CollectorState = 'ok' | 'refused' | 'hanging'
interface End {
  code: number | null
  signal: string | null
  /** From the start, or from the signal if there is one. */
  wallMs: number
  stderr: string
}

const silent = new Set<Socket>()
let hanging: Server
let hangingPort = 0
let refusedPort = 0

beforeAll(async () => {
  buildSync({
    entryPoints: [join(__dirname, '../../packages/otel/test/export/exit-preload.ts')],
    outfile: preload,
    bundle: true,
    platform: 'node',
    target: 'node20.6',
    format: 'cjs',
    conditions: ['@org/source'],
  })
  hanging = createServer(socket => {
    silent.add(socket)
    socket.on('error', () => {})
    socket.resume()
  })
  hangingPort = await listen(hanging)
  const free = createServer()
  refusedPort = await listen(free)
  await new Promise(resolve => free.close(resolve))
})
afterAll(async () => {
  for (const socket of silent) socket.destroy()
  await new Promise(resolve => hanging.close(resolve))
  rmSync(directory, { recursive: true })
})

function listen(server: Server): Promise<number> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

/** Runs the app to its end; with a signal, sends it once the app says "ready". */
function run(
  way: string,
  signal: NodeJS.Signals | undefined,
  env: object | undefined,
  node = process.execPath,
): Promise<End> {
  return new Promise((resolve, reject) => {
    const args = env === undefined ? [app, way] : ['--require', preload, app, way]
    const { NODE_OPTIONS: _, ...inherited } = process.env
    let began = performance.now()
    const child = spawn(node, args, {
      env: { ...inherited, ...(env === undefined ? {} : { EXIT_TEST: JSON.stringify(env) }) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', chunk => (stderr += chunk))
    child.stdout.on('data', chunk => {
      if (signal !== undefined && String(chunk).includes('ready')) {
        began = performance.now()
        child.kill(signal)
      }
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    child.on('error', reject)
    child.on('exit', (code, signalled) => {
      clearTimeout(timer)
      resolve({ code, signal: signalled, wallMs: performance.now() - began, stderr })
    })
  })
}

const plainEnds = new Map<string, End>()
async function plainEnd(way: string, signal: NodeJS.Signals | undefined): Promise<End> {
  const key = `${way} ${signal}`
  const known = plainEnds.get(key)
  if (known !== undefined) return known
  const end = await run(way, signal, undefined)
  plainEnds.set(key, end)
  return end
}

const ends: [way: string, signal: NodeJS.Signals | undefined][] = [
  ['natural', undefined],
  ['natural-later', undefined],
  ['exit3', undefined],
  ['exit-code', undefined],
  ['throw', undefined],
  ['rejection', undefined],
  ['idle', 'SIGTERM'],
  ['idle', 'SIGINT'],
  ['idle', 'SIGHUP'],
  ['drain', 'SIGTERM'],
  ['drain', 'SIGINT'],
  ['close', 'SIGTERM'],
  ['close', 'SIGINT'],
  ['signal-exit', 'SIGTERM'],
  ['signal-exit', 'SIGINT'],
  ['remove-all', 'SIGTERM'],
  ['handler-gone', 'SIGTERM'],
  ['last-in-exit', undefined],
  ['before-exit-work', undefined],
]
describe.each<CollectorState>(['ok', 'refused', 'hanging'])('with a collector that is %s', state => {
  describe.each(['http/protobuf', 'grpc'] as const)('over %s', protocol => {
    test.each(ends)('%s %s ends as the plain process does, in time', async (way, signal) => {
      const plain = await plainEnd(way, signal)
      const collector =
        state === 'ok' ? await Collector.start(protocol === 'grpc' ? 'grpc' : 'http') : undefined
      try {
        const port = collector?.port ?? (state === 'refused' ? refusedPort : hangingPort)
        const end = await run(way, signal, { protocol, port, traces: undefined })
        expect({ code: end.code, signal: end.signal }).toEqual({ code: plain.code, signal: plain.signal })
        expect(end.stderr).not.toContain('SWALLOWED')
        expect(end.wallMs - plain.wallMs).toBeLessThan((state === 'ok' ? 250 : 1000) + slackMs)
        if (collector !== undefined) {
          expect(new Set(collector.names).size).toBe(20)
          expect(collector.names).toHaveLength(20)
        }
        if (process.env.EXITS_REPORT) {
          process.stderr.write(
            `${state} ${protocol} ${way} ${signal ?? ''}: +${Math.round(end.wallMs - plain.wallMs)} ms\n`,
          )
        }
      } finally {
        await collector?.stop()
      }
    })
  })
})

describe.each(['http/protobuf', 'http/json', 'grpc'] as const)(
  'a batch is in flight over %s when process.exit is called',
  protocol => {
    /** The program, ended by a signal as soon as the collector has the batch. */
    async function endInFlight(reply: (index: number) => Reply, lastWordsMs = 5000) {
      const collector = await Collector.start(protocol === 'grpc' ? 'grpc' : 'http')
      collector.reply = (_, index) => reply(index)
      // Ample time: what is shown here is what is sent, and a busy machine needs long to start the sending child.
      const env = { protocol, port: collector.port, otlp: { timeoutMs: 10_000 }, exit: { lastWordsMs } }
      const { NODE_OPTIONS: _, ...inherited } = process.env
      const child = spawn(process.execPath, ['--require', preload, app, 'in-flight'], {
        env: { ...inherited, EXIT_TEST: JSON.stringify(env) },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let stderr = ''
      child.stderr.on('data', chunk => (stderr += chunk))
      const ended = new Promise(resolve => child.on('close', resolve))
      try {
        await until(() => collector.seen.length === 1, 'the batch arrives')
        child.kill('SIGTERM')
        expect(await ended).toBe(0)
      } finally {
        child.kill('SIGKILL')
        await collector.stop()
      }
      return { collector, stderr }
    }

    test('an answer that is under way is waited for, and the batch is not sent again', async () => {
      const { collector, stderr } = await endInFlight(() => ({ afterMs: 100 }))
      expect(collector.seen).toHaveLength(1)
      expect(stderr).toBe('')
    })

    test('a collector that answers later than the process lives does not get it again, and that is said', async () => {
      const { collector, stderr } = await endInFlight(() => ({ afterMs: 3000 }), 300)
      expect(collector.seen).toHaveLength(1)
      expect(stderr).toBe('UNSENT sent, but not confirmed: 512 spans\n')
    })

    test('a collector that never answers does not get it again, and that is said', async () => {
      const { collector, stderr } = await endInFlight(() => 'hang', 300)
      expect(collector.seen).toHaveLength(1)
      expect(stderr).toBe('UNSENT sent, but not confirmed: 512 spans\n')
    })

    test('a collector that refuses it for now gets it again', async () => {
      const refusal = protocol === 'grpc' ? { grpcStatus: 14, trailersOnly: true } : { status: 503 }
      const { collector, stderr } = await endInFlight(index =>
        index === 0 ? { ...refusal, afterMs: 100 } : 'ok',
      )
      expect(collector.seen).toHaveLength(2)
      expect(stderr).toBe('')
    })

    test('a connection that breaks off without an answer leaves it to be sent again', async () => {
      const { collector, stderr } = await endInFlight(index =>
        index === 0 ? { reset: true, afterMs: 100 } : 'ok',
      )
      expect(collector.seen).toHaveLength(2)
      expect(stderr).toBe('')
    })
  },
)

describe.each(majors)('on Node %i', major => {
  const node = nodePath(major)
  test.each(ends)('%s %s ends as the plain process does and delivers everything', async (way, signal) => {
    const plain = await run(way, signal, undefined, node)
    const collector = await Collector.start('grpc')
    try {
      const end = await run(way, signal, { protocol: 'grpc', port: collector.port, ...ampleTime }, node)
      expect({ code: end.code, signal: end.signal }).toEqual({ code: plain.code, signal: plain.signal })
      expect(collector.names).toHaveLength(20)
    } finally {
      await collector.stop()
    }
  })
})
