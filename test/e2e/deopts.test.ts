// The promise: what a request costs stays what it costs. V8 compiles our functions for the values it has seen and throws
// that code away when a guess was wrong; a function that goes round in that circle costs several times as much, and no
// test of behaviour notices. Counted, not timed, so that a busy machine changes nothing.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const dist = join(__dirname, '../../packages/otel/dist')
const app = join(__dirname, '../apps/deopts.cjs')
const warm = 30_000
const last = 60_000
const directory = mkdtempSync(join(tmpdir(), 'deopts-'))
let collector: Server
let arrived = 0

beforeAll(async () => {
  collector = createServer((req, res) => {
    arrived++
    req.resume().on('end', () => res.end())
  })
  await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  collector.closeAllConnections()
  await new Promise(resolve => collector.close(resolve))
  rmSync(directory, { recursive: true })
})

/** Sends `total` requests over 16 connections, one after the other on each. */
function load(port: number, total: number): Promise<void> {
  const request = 'GET /users/17?page=2 HTTP/1.1\r\nHost: shop\r\nUser-Agent: load\r\n\r\n'
  let sent = 0
  let answered = 0
  return new Promise((resolve, reject) => {
    const sockets = Array.from({ length: 16 }, () => connect(port, '127.0.0.1'))
    for (const socket of sockets) {
      const next = () => {
        if (sent++ < total) socket.write(request)
      }
      socket.on('error', reject)
      socket.on('data', chunk => {
        for (let at = chunk.indexOf('HTTP/1.1 200'); at >= 0; at = chunk.indexOf('HTTP/1.1 200', at + 1)) {
          if (++answered === total) {
            for (const one of sockets) one.destroy()
            return resolve()
          }
          next()
        }
      })
      next()
    }
  })
}

/** Runs the app under the preload; gives back V8's log of it. */
async function logOf(node: string, name: string): Promise<string> {
  const file = join(directory, `${name}.log`)
  const { NODE_OPTIONS: _, ...env } = process.env
  const args = ['--log-deopt', '--log-code', '--no-logfile-per-isolate', `--logfile=${file}`]
  const child = spawn(
    node,
    [...args, '--require', join(dist, 'register.cjs'), app, String(warm), String(last)],
    {
      env: {
        ...env,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    },
  )
  const exited = new Promise(resolve => child.on('exit', resolve))
  try {
    const port = await new Promise<number>((resolve, reject) => {
      child.on('message', resolve)
      child.on('error', reject)
      child.on('exit', code => reject(new Error(`the app ended with ${code}`)))
    })
    await load(port, last + 1)
  } finally {
    if (child.connected) child.disconnect()
    await exited
  }
  return readFileSync(file, 'utf8')
}

/** Where in our code compiled code was thrown away between the two marks: `core.cjs:696:4, Insufficient type feedback`. */
function deoptsIn(log: string): string[] {
  const from = log.indexOf('MARK-from:1:1')
  const to = log.indexOf('MARK-to:1:1')
  if (from < 0 || to < from) throw new Error('the log has no marks')
  return log
    .slice(from, to)
    .split('\n')
    .filter(line => line.startsWith('code-deopt,') && line.includes(`<${dist}/`))
    .map(line => line.slice(line.indexOf('<')).replaceAll(`${dist}/`, ''))
}

test.each([20, 22, 24, 26])(
  'on Node %i no function of ours is compiled and thrown away in circles once it is warm',
  async major => {
    const { nodePath } = await import('../../scripts/nodes.mjs')
    const before = arrived
    const log = await logOf(nodePath(major), String(major))
    // It looked at the right thing: ours was compiled, and traced.
    expect(log).toMatch(new RegExp(`code-creation,(JS|LazyCompile),.*${dist}/core\\.cjs:.*,\\*`))
    expect(arrived).toBeGreaterThan(before)
    const deopts = deoptsIn(log)
    expect(deopts.filter((one, i) => deopts.indexOf(one) !== i)).toEqual([])
    // A handful of late first times is life: a batch leaves, a buffer grows.
    if (deopts.length > 3) throw new Error(`${deopts.length} deoptimizations:\n${deopts.join('\n')}`)
  },
  60_000,
)
