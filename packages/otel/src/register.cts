// The preload's guard: `node --require @org/otel/register` or `--import @org/otel/register`.
// It runs in every process that inherits NODE_OPTIONS: old Nodes, npm, compilers, worker threads, other agents'
// applications. So it parses on any Node from 8 on, decides before loading anything, and never throws.
// Keep this file free of imports: what it needs it requires inside `decide`, when it knows that it needs it.

type Decision =
  | { start: true /** One line for the user besides. */; tell?: string }
  | { start: false; reason: string; tell?: string }

interface World {
  /** `bun`, `deno`: runtimes that only look like Node. */
  other: string | undefined
  env: { [name: string]: string | undefined }
  execArgv: string[]
  argv: string[]
  version: string
  /** Whether Node's permission model lets us read `file`; true without one. */
  mayRead(file: string): boolean
}

// Names of `argv[1]` that are tools rather than services: telemetry of these is noise, and they start a lot. What
// they run in a process of its own (the service behind `npm start`, `tsx`, `pm2`) inherits the preload and starts it.
const tools = (
  'npm npx pnpm pnpx yarn yarnpkg corepack bun bunx ' +
  'tsc tsgo turbo nx lerna webpack rollup rolldown vite esbuild swc babel parcel tsup tsdown nest ng ' +
  'eslint prettier biome oxlint jest vitest mocha ava tap borp playwright cypress c8 nyc husky lint-staged changeset ' +
  'node-gyp node-pre-gyp prebuild-install prisma patch-package rimraf npm-run-all ' +
  'cross-env dotenv dotenvx env-cmd nodemon pm2 concurrently tsx'
).split(' ')

// Frameworks whose command is a tool when it builds, and the service itself when it serves.
const builders = 'next nuxt nuxi astro remix react-router gatsby'.split(' ')

// Test runners that run the tests in their own process: these may be traced, in silence.
const runners = 'cucumber-js cucumber tape uvu lab jasmine qunit'.split(' ')

// pm2 forks its containers with a channel, and they are the services.
const containers = /\/pm2\/lib\/ProcessContainer/

// Preloads of other agents, as they appear in --require, --import and NODE_OPTIONS.
const agents = [
  ['dd-trace', 'Datadog'],
  ['newrelic', 'New Relic'],
  ['elastic-apm-node', 'Elastic APM'],
  ['@elastic/opentelemetry-node', 'EDOT'],
  ['@splunk/otel', 'Splunk'],
  ['@sentry/node/preload', 'Sentry'],
  ['@opentelemetry/auto-instrumentations-node', 'OpenTelemetry auto-instrumentations'],
  ['@azure/monitor-opentelemetry', 'Azure Monitor'],
  ['appdynamics', 'AppDynamics'],
  ['@dynatrace/oneagent', 'Dynatrace'],
  ['@instana/collector', 'Instana'],
]

function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^\s*true\s*$/i.test(value)
}

function has(list: string[], name: string): boolean {
  return list.indexOf(name) !== -1
}

/** `/usr/lib/node_modules/npm/bin/npm-cli.js` -> `npm`; `node_modules/.bin/tsc` -> `tsc`. */
function nameOf(file: string): string {
  return file
    .slice(file.lastIndexOf('/') + 1)
    .replace(/\.[cm]?js$/, '')
    .replace(/-cli$|-v?\d.*$/, '')
}

/** The tool that `file` is; `next build` is one, `next start` is not. */
function toolOf(file: string, command: string | undefined): string | undefined {
  const name = nameOf(file)
  if (has(tools, name)) return isPackageFile(file) ? name : undefined
  if (has(builders, name)) return command === 'build' && isPackageFile(file) ? name : undefined
  // A generic file name (`bin/cli.js`): the package it lies in says what it is.
  const inside = /.*\/node_modules\/([^/]+)\/(.*)/.exec(file)
  if (!inside || !has(tools, inside[1]!)) return undefined
  // pm2 keeps a daemon; the file that carries the services is another one.
  return /(^|\/)(bin|cli)|^lib\/Daemon/.test(inside[2]!) ? inside[1] : undefined
}

/** A service may be called `server/npm.js`: only what is installed, or linked as a command, is a tool. */
function isPackageFile(file: string): boolean {
  return /\/node_modules\/|\/\.bin\/|\/bin\/|\/corepack\/|\/\.yarn\//.test(file)
}

/**
 * Why this process is none that somebody started as a service, so that nobody reads what we say there: the user sees the
 * output of a test run or of one line of code, and parses it. It is traced all the same; `OTEL_LOG_LEVEL` lets us speak.
 */
function quietReason(world: World, file: string): string | undefined {
  const { argv, execArgv, env } = world
  const evaluated = process as { _eval?: unknown }
  if (evaluated._eval !== undefined && evaluated._eval !== null) return 'code on the command line'
  if (env.NODE_TEST_CONTEXT || has(execArgv, '--test')) return 'node --test'
  if (env.NODE_V8_COVERAGE) return 'a coverage run'
  // The command `tsx` is for development; a service that is run by it says that it is one.
  if (env.NODE_ENV !== 'production' && /[\\/]tsx[\\/]dist[\\/]preflight/.test(execArgv.join(' ')))
    return 'tsx'
  if (!file) return isTerminal() ? 'a prompt' : undefined
  if (!isPackageFile(file)) return undefined
  if (has(runners, nameOf(file)) || /\/node_modules\/@cucumber\/cucumber\//.test(file)) return 'a test runner'
  const command = argv[2]
  if (command === 'dev' || command === 'develop' || (has(builders, nameOf(file)) && command === undefined))
    return 'a development server'
  // Workers of test runners, bundlers and development servers are files of packages that are forked. Those of a cluster
  // are what their primary is.
  if (process.send === undefined || !/\/node_modules\//.test(file) || containers.test(file)) return undefined
  // biome-ignore lint/style/useNodejsImportProtocol: Node 8 does not know it.
  return require('cluster').isWorker ? undefined : 'the worker of a tool'
}

function isTerminal(): boolean {
  // biome-ignore lint/style/useNodejsImportProtocol: Node 8 does not know it.
  return require('tty').isatty(0)
}

function otherAgent(world: World): string | undefined {
  const flags = `${world.execArgv.join(' ')} ${world.env.NODE_OPTIONS || ''}`
  for (let i = 0; i < agents.length; i++) {
    const agent = agents[i]!
    // Behind `--require`, `-r` or `--import` (or inside a path that is), never as a part of another word.
    const found = flags.indexOf(agent[0]!)
    if (found > 0 && /[\s=/\\"']/.test(flags.charAt(found - 1))) return agent[1]
  }
  return undefined
}

function decide(world: World, file: string): Decision {
  if ((process as { _syntax_check_only?: boolean })._syntax_check_only)
    return { start: false, reason: 'node --check' }
  const tool = file ? toolOf(file, world.argv[2]) : undefined
  if (tool) return { start: false, reason: `tool ${tool}` }
  if (world.other)
    return {
      start: false,
      reason: 'runtime',
      tell: `${world.other} is not supported, only Node 20.6 or newer is`,
    }
  const version = world.version.split('.')
  const major = Number(version[0])
  const minor = Number(version[1])
  if (!(major > 18 || (major === 18 && minor >= 19)))
    return {
      start: false,
      reason: 'node',
      tell: `Node ${world.version} is not supported (20.6 or newer is)`,
    }
  if (isTrue(world.env.OTEL_SDK_DISABLED)) return { start: false, reason: 'OTEL_SDK_DISABLED' }

  const globals = global as any
  if (globals[Symbol.for('org.otel')]) return { start: false, reason: 'already started' }

  // Every thread but the main one may not change the directory, and Node says so on the function. Asking
  // `node:worker_threads` would load it, and streams with it, in every service.
  if ((process.chdir as { disabled?: boolean }).disabled) {
    const threads = require('node:worker_threads')
    // Node 20 does not say it, but a thread for module hooks has nobody to talk to.
    if (threads.isInternalThread || !(threads.isMainThread || threads.parentPort))
      return { start: false, reason: 'loader thread' }
    const data = threads.workerData
    // A pino transport writes the lines that the main thread has already correlated.
    if (data && typeof data === 'object' && 'filename' in data && 'dataBuf' in data && 'stateBuf' in data)
      return { start: false, reason: 'log transport' }
    if (!isTrue(world.env.ORG_OTEL_WORKERS)) return { start: false, reason: 'worker thread' }
  }

  const agent = otherAgent(world)
  if (agent)
    return {
      start: false,
      reason: 'another agent',
      tell: `${agent} is preloaded in this process; two agents would instrument everything twice`,
    }
  const api = globals[Symbol.for('opentelemetry.js.api.1')]
  if (api?.trace)
    return {
      start: false,
      reason: 'another SDK',
      tell: 'an OpenTelemetry SDK is already registered in this process',
    }
  if (!world.mayRead(`${__dirname}/core.cjs`))
    return {
      start: false,
      reason: 'permission',
      tell: `Node's permission model forbids reading our files; add --allow-fs-read=${__dirname}/`,
    }
  // 18.19 and 20.0 to 20.5 are not promised, and mostly work.
  return major < 20 || (major === 20 && minor < 6)
    ? {
        start: true,
        tell: `Node ${world.version} is older than the 20.6 we support; we start, and not everything may be instrumented`,
      }
    : { start: true }
}

let quiet: string | undefined

function say(code: string, text: string): void {
  const level = process.env.ORG_OTEL_LOG_LEVEL || process.env.OTEL_LOG_LEVEL
  if (level ? /^none$/i.test(level) : quiet !== undefined) return
  try {
    // biome-ignore lint/style/useNodejsImportProtocol: Node 8 does not know it.
    require('fs').writeSync(2, `[otel] ${code} ${text}\n`)
  } catch {
    // stderr is closed: there is nobody to tell.
  }
}

/** What Node's permission model says of reading `file`. */
function mayRead(file: string): boolean {
  const { permission } = process as { permission?: { has(scope: string, reference: string): boolean } }
  return permission === undefined || permission.has('fs.read', file)
}

try {
  const { env, execArgv, argv, versions } = process
  const other = versions.bun ? 'Bun' : versions.deno ? 'Deno' : undefined
  const world = { env, execArgv, argv, version: versions.node, other, mayRead }
  const file = (argv[1] || '').split('\\').join('/')
  quiet = quietReason(world, file)
  const decision = decide(world, file)
  if (decision.start) {
    if (decision.tell) say('ORG_OTEL_NODE_OLD', decision.tell)
    require('./core.cjs').startFromRegister(quiet)
  } else if (decision.tell)
    say('ORG_OTEL_SKIPPED', `not started: ${decision.tell}; the application runs without it`)
} catch (error) {
  const cause = error as any
  say(
    'ORG_OTEL_START_FAILED',
    ((cause && (cause.stack || cause.message)) || String(error)).split('\n').slice(0, 3).join(' | ') +
      '; the application runs without telemetry',
  )
}
