// A real process under the real preload, wired to a receiver: what a test of instrumentation needs most.
import { AssertionError } from 'node:assert'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { type Receiver, startReceiver } from '../receive/receiver.ts'

export interface AppOptions {
  /** The Node.js binary. Default: the one that runs this. */
  readonly node?: string
  /** Path of the preload, or false for none. Default: `@org/otel/register` as seen from `cwd`. */
  readonly preload?: string | false
  /** How the preload is loaded. Default `require`. */
  readonly preloadWith?: 'require' | 'import'
  /** Added to a clean environment (no OTEL_*, NODE_OPTIONS, JEST_*); `undefined` removes. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly args?: readonly string[]
  /** Where it runs and where code given as text resolves packages. Default: the current directory. */
  readonly cwd?: string
  /** Put before the preload in NODE_OPTIONS. */
  readonly nodeOptions?: string
  /** Where its telemetry goes. Default: a receiver of its own. */
  readonly receiver?: Receiver
  /** Kind of code given as text. Default: `esm` when it has a top-level import or export. */
  readonly module?: 'cjs' | 'esm'
  /** The line on stdout that says it is ready; a first group of digits is its port. Default `listening <port>` or `ready`. */
  readonly ready?: RegExp
  /** The same for stderr, for programs whose stdout is data. */
  readonly readyOnStderr?: RegExp
  /** How long it may take to be ready or end. Default 20 s. */
  readonly timeoutMs?: number
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface App {
  readonly pid: number
  readonly receiver: Receiver
  /** Everything so far. */
  readonly stdout: string
  readonly stderr: string
  /** `http://127.0.0.1:<port>`; throws when the app said no port. */
  readonly url: string
  readonly port: number
  readonly exited: Promise<Exit>
  /** The stdout lines that are JSON objects: its log. (`any`: a line has whatever fields the app gave it.) */
  readonly logs: readonly Record<string, any>[]
  /** Requests `path`; the body is read as text. */
  get(path: string, init?: RequestInit): Promise<AppResponse>
  /** Resolves when `pattern` is on stdout or stderr. */
  waitForOutput(pattern: string | RegExp, timeoutMs?: number): Promise<void>
  /** Sends the signal (default SIGTERM) and waits for the end; SIGKILL after 10 s is an `AssertionError`. */
  stop(signal?: NodeJS.Signals): Promise<Exit>
  /** Ends the process, and the receiver unless it was given. */
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface AppResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

const running = new Set<ChildProcess>()
let guarded = false

/**
 * Runs a file, or code given as text, in a new process and resolves when it listens, says `ready`, or ends.
 *
 *     const app = await runApp('test/apps/express.cjs')
 *     await app.get('/users/1')
 *     await expectTrace(app, { name: 'GET /users/:id', kind: 'server' })
 *     await app.dispose()
 */
export async function runApp(fileOrCode: string, options: AppOptions = {}): Promise<App> {
  const cwd = resolve(options.cwd ?? '.')
  const { file, remove } = placeProgram(fileOrCode, cwd, options.module)
  const receiver = options.receiver ?? (await startReceiver({ unref: true }))
  const child = spawn(options.node ?? process.execPath, [file, ...(options.args ?? [])], {
    cwd,
    env: buildEnv(options, file, cwd, receiver),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  keepTrack(child)
  let stdout = ''
  let stderr = ''
  let port: number | undefined
  let ready = false
  const watchers = new Set<() => void>()
  const notice = () => {
    for (const watcher of [...watchers]) watcher()
  }
  const readyPattern = options.ready ?? /^(?:listening(?: on)? (?:\S*:)?(\d+)\b|ready\b).*$/m
  const lookFor = (pattern: RegExp | undefined, text: string) => {
    const found = ready ? null : pattern?.exec(text)
    if (found) {
      ready = true
      if (/^\d+$/.test(found[1] ?? '')) port = Number(found[1])
    }
    notice()
  }
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
    lookFor(readyPattern, stdout)
  })
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
    lookFor(options.readyOnStderr, stderr)
  })
  let ended: Exit | undefined
  // `close` comes after the streams have ended, so nothing of the output is missing.
  const exited = new Promise<Exit>(done => {
    const finish = (code: number | null, signal: NodeJS.Signals | null) => {
      if (ended !== undefined) return
      ended = { code, signal }
      remove()
      done(ended)
      notice()
    }
    child.on('error', error => {
      stderr += `cannot start: ${error.message}\n`
      finish(null, null)
    })
    child.on('close', finish)
  })

  const output = () => `--- stdout\n${tail(stdout)}\n--- stderr\n${tail(stderr)}`
  const until = (condition: () => boolean, timeoutMs: number, what: string) =>
    new Promise<void>((done, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer)
        watchers.delete(watcher)
        finish()
      }
      const timer = setTimeout(() => {
        settle(() => reject(new AssertionError({ message: `${what} after ${timeoutMs} ms\n${output()}` })))
      }, timeoutMs)
      const watcher = () => {
        if (condition()) settle(done)
      }
      watchers.add(watcher)
      watcher()
    })

  const readPort = () => {
    if (port === undefined) {
      throw new AssertionError({ message: `the app did not print "listening <port>"\n${output()}` })
    }
    return port
  }
  const base: Omit<App, 'port' | 'url'> = {
    pid: child.pid ?? -1,
    receiver,
    exited,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    get logs() {
      return stdout.split('\n').flatMap(line => parseLog(line))
    },
    async get(path, init) {
      const response = await fetch(new URL(path, app.url), init)
      return { status: response.status, headers: response.headers, body: await response.text() }
    },
    waitForOutput(pattern, timeoutMs = 10_000) {
      const found = () => {
        const text = `${stdout}\n${stderr}`
        return typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text)
      }
      return until(found, timeoutMs, `no output ${pattern}`)
    },
    async stop(signal = 'SIGTERM') {
      if (ended === undefined) child.kill(signal)
      try {
        await until(() => ended !== undefined, 10_000, `still running after ${signal}`)
      } catch (error) {
        child.kill('SIGKILL')
        await exited
        throw error
      }
      return exited
    },
    async dispose() {
      if (ended === undefined) child.kill('SIGKILL')
      await exited
      if (options.receiver === undefined) await receiver.close()
    },
    [Symbol.asyncDispose]: () => app.dispose(),
  }
  // Not enumerable: they may throw, and test runners print objects.
  const app = Object.defineProperties(base, {
    port: { get: readPort },
    url: { get: () => `http://127.0.0.1:${readPort()}` },
  }) as App

  try {
    const timeoutMs = options.timeoutMs ?? 20_000
    await until(() => ready || ended !== undefined, timeoutMs, 'neither ready nor ended')
  } catch (error) {
    await app.dispose()
    throw error
  }
  return app
}

/** A file stays where it is; text becomes a file under `.cache`, so that it resolves packages like one. */
function placeProgram(
  fileOrCode: string,
  cwd: string,
  kind: AppOptions['module'],
): { file: string; remove: () => void } {
  if (!fileOrCode.includes('\n') && /\.[cm]?[jt]s$/.test(fileOrCode)) {
    const file = isAbsolute(fileOrCode) ? fileOrCode : join(cwd, fileOrCode)
    if (!existsSync(file)) throw new AssertionError({ message: `no such file: ${file}` })
    return { file, remove: () => {} }
  }
  const esm = kind === undefined ? /^\s*(?:import\s[^(]|import\{|export\s)/m.test(fileOrCode) : kind === 'esm'
  const folder = join(cwd, '.cache', 'otel-devtools')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `app-${randomBytes(6).toString('hex')}.${esm ? 'mjs' : 'cjs'}`)
  writeFileSync(file, fileOrCode)
  return { file, remove: () => rmSync(file, { force: true }) }
}

function buildEnv(options: AppOptions, file: string, cwd: string, receiver: Receiver): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {}
  for (const [name, value] of Object.entries(process.env)) {
    // What belongs to the test runner must not decide how the app behaves.
    if (!/^(?:OTEL_|ORG_OTEL_|JEST_|NODE_OPTIONS$|NODE_ENV$|NODE_V8_COVERAGE$|NODE_IP$)/.test(name))
      env[name] = value
  }
  Object.assign(env, {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    // Everything arrives soon, so that no test waits for a batch interval.
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_BLRP_SCHEDULE_DELAY: '50',
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_METRIC_EXPORT_TIMEOUT: '500',
  })
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (value === undefined) delete env[name]
    else env[name] = value
  }
  const preload = options.preload ?? findPreload([dirname(file), cwd, process.cwd()])
  const nodeOptions = [
    options.nodeOptions ?? '',
    env.NODE_OPTIONS ?? '',
    preload === false ? '' : `--${options.preloadWith ?? 'require'} ${JSON.stringify(preload)}`,
  ].filter(part => part !== '')
  if (nodeOptions.length > 0) env.NODE_OPTIONS = nodeOptions.join(' ')
  return env
}

function findPreload(places: readonly string[]): string {
  for (const from of places) {
    try {
      return createRequire(join(from, 'package.json')).resolve('@org/otel/register')
    } catch {
      // Not installed there; try the next place.
    }
  }
  throw new AssertionError({
    message: `cannot find @org/otel/register from ${places[0]}: build it, or give { preload: path } or { preload: false }`,
  })
}

/** A test that fails must not leave its process behind. */
function keepTrack(child: ChildProcess): void {
  if (!guarded) {
    guarded = true
    process.on('exit', () => {
      for (const each of running) each.kill('SIGKILL')
    })
  }
  running.add(child)
  child.on('exit', () => running.delete(child))
}

function parseLog(line: string): Record<string, any>[] {
  if (!line.startsWith('{')) return []
  try {
    return [JSON.parse(line)]
  } catch {
    return []
  }
}

function tail(text: string): string {
  return text.length > 4000 ? `…${text.slice(-4000)}` : text
}
