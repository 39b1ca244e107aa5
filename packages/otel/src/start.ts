// The story of one run: resolve what was asked, build, publish, attach, and keep until the process ends.
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { buildLibraryOptions } from './build/library-options.ts'
import { buildLogging } from './build/logging.ts'
import { buildMetering, type Metering } from './build/metering.ts'
import { buildRedaction } from './build/redaction.ts'
import { buildSpanMetrics } from './build/span-metrics.ts'
import { buildTracing } from './build/tracing.ts'
import type { Config, LogLevel } from './config/config.ts'
import type { Entry } from './config/entry.ts'
import { readFacts } from './config/facts.ts'
import { readEnv } from './config/read-env.ts'
import { renderSettings, renderStartupLine } from './config/render.ts'
import { type Resolved, resolveConfig } from './config/resolve.ts'
import type { UserOptions } from './config/user-options.ts'
import { createExport, type Export } from './export/export.ts'
import { attachExits } from './lifecycle/exits.ts'
import { endInFlight } from './lifecycle/in-flight.ts'
import { speakLastWords } from './lifecycle/last-words.ts'
import { claimProcess, readRegistry } from './lifecycle/once.ts'
import { readForbidden } from './lifecycle/permissions.ts'
import { renderUnsent } from './lifecycle/unsent.ts'
import { loadedApiCopies } from './loader/api-copies.ts'
import { type AttachedLibraries, attachLibraries } from './loader/attach.ts'
import { loadChunk } from './loader/chunk.ts'
import type { LibraryHooks } from './loader/library.ts'
import { findNewerApis } from './loader/newer-api.ts'
import type { LeanLoggerProvider } from './logs/logger-provider.ts'
import type { HistogramSource } from './metrics/histogram-source.ts'
import { redactMetrics } from './redact/resource-metrics.ts'
import { tally } from './redact/tally.ts'
import { diagLogger } from './self/diag.ts'
import { guard, swallow } from './self/guard.ts'
import { say, sayProblem, setLogLevel } from './self/log.ts'
import { version } from './self/version.ts'
import { LeanContextManager } from './tracing/context.ts'
import type { SpanSink } from './tracing/ended-span.ts'
import { attachHttp } from './tracing/http/attach.ts'
import type { HttpCounters } from './tracing/http/hooks.ts'
import { passWithGrpc } from './tracing/http/request-id.ts'
import { prepareIds } from './tracing/ids.ts'
import { adoptApiCopies, publishApi, registeredApiVersion, unpublishApi } from './tracing/publish.ts'
import { recentUncaught, watchUncaught } from './tracing/uncaught.ts'

// For dist/index.mjs, which alone can see the copy of the API that ES modules get.
export { noteApiCopy } from './tracing/publish.ts'

/** What `start()` gives: the decisions, and the end. */
export interface Telemetry {
  /** What was decided, frozen. */
  readonly config: Config
  /** Sends what is pending, for at most `deadlineMs` (default 5000). Never rejects. */
  flush(deadlineMs?: number): Promise<void>
  /** Flushes, closes connections and lets go of everything. Never rejects; a second call gives the same promise. */
  stop(): Promise<void>
}

/** What only code can give, because it has methods. */
export type UserObjects = Pick<UserOptions, 'sampler' | 'spanProcessors' | 'propagator' | 'idGenerator'>

const defaultFlushMs = 5000

/**
 * The preload's way in. What goes wrong is said in one line; the application runs in any case. `quiet`: why nothing is
 * said in this process unless a log level asks for it.
 */
export function startFromRegister(quiet?: string): void {
  begin({}, [], 'put --require @org/otel/register first', quiet)
}

/** The way in for `start()` in index.ts, which has checked the options and read them into `entries`. */
export function startFromCode(objects: UserObjects, entries: readonly Entry[]): Telemetry {
  // In an ES module all imports are evaluated before its first line is.
  const remedy =
    'call start() in a file of its own and load it first: node --import ./telemetry.mjs app.mjs (docs/libraries.md, "start() in ES modules")'
  return begin(objects, entries, remedy)
}

function begin(user: UserObjects, entries: readonly Entry[], remedy: string, quiet?: string): Telemetry {
  const registry = claimProcess(version, __filename)
  if (registry === undefined) {
    const running = readRegistry()
    say(
      'warn',
      'ORG_OTEL_ALREADY_STARTED',
      `${running?.version} runs in this process already; its settings stay`,
    )
    return running?.handle as Telemetry
  }
  try {
    const telemetry = run(user, entries, remedy, quiet)
    registry.handle = telemetry
    registry.state = telemetry.config.enabled ? 'started' : 'stopped'
    return telemetry
  } catch (error) {
    registry.state = 'failed'
    // Half a start is none: what calls the API from now on must not record for nobody.
    guard('failed start', unpublishApi)
    throw error
  }
}

function run(user: UserObjects, entries: readonly Entry[], remedy: string, quiet?: string): Telemetry {
  const resolved = resolveConfig({
    env: readEnv(),
    facts: readFacts(),
    code: entries,
    loadFileParser: () => loadChunk('config-file').parseConfigFile,
  })
  const { config } = resolved
  setLogLevel(quiet !== undefined && resolved.origins.logLevel.from === 'default' ? 'none' : config.logLevel)
  if (quiet !== undefined)
    say('debug', 'ORG_OTEL_QUIET', `${quiet}: nothing is said here unless OTEL_LOG_LEVEL is set`)
  for (const problem of resolved.problems) sayProblem(problem)
  if (!config.enabled) return { config, async flush() {}, async stop() {} }

  const exported = createExport(config)
  const sources: HistogramSource[] = []
  const redactor = buildRedaction(config)
  const tracing = buildTracing({
    config,
    user,
    sink: chooseSink(config, exported, sources),
    redactor,
    flush: () => flushExport(defaultFlushMs),
  })
  const counters: HttpCounters = { probes: 0 }
  const metering = buildMetering({
    config,
    probes: () => counters.probes,
    sources: () => [...sources, ...(config.selfMetrics ? [exported.account.durations] : [])],
    self: {
      spans: () => tracing.provider.stats,
      lines: () => exported.account.lines(),
      rateLimitedLogs: () => loggerProvider?.rateLimited ?? 0,
      redactions: () => tally,
    },
    exportMetrics: metrics =>
      exported.metrics.export(redactor === undefined ? metrics : redactMetrics(metrics, redactor)),
  })
  const loggerProvider = config.logs.sending ? buildLogging(config, exported.logs, redactor) : undefined

  const libraryOptions = buildLibraryOptions(config, loggerProvider)

  publish(config, tracing, metering, loggerProvider)
  const libraries = attachLibraries({
    config,
    tracerProvider: tracing.provider,
    meterProvider: () => metering?.provider as never,
    loggerProvider: () => loggerProvider as never,
    builtins: {
      ...openHttp(config, tracing, sources, counters, metering !== undefined),
      // Measured by the metrics room, with everything else that is read once per interval.
      'runtime-node': () => ({ modules: [] }),
    },
    libraryOptions,
    remedy,
  })
  const releaseConsole = takeConsole(config, libraryOptions)
  tracing.ratioFile?.start()

  // Side by side: a processor or a metric callback of the application that never answers costs only its own telemetry.
  async function flushExport(deadlineMs: number): Promise<void> {
    const started = performance.now()
    await Promise.all([
      exported.flush(deadlineMs),
      within(metering?.flush(), deadlineMs).then(() =>
        exported.flush(Math.max(0, deadlineMs - (performance.now() - started))),
      ),
    ])
  }
  async function flush(deadlineMs: number): Promise<void> {
    await Promise.all([flushExport(deadlineMs), within(tracing.provider.flushProcessors(), deadlineMs)])
  }
  let lostOpenSpans = 0
  /** `exitCode` when the process is ending with one. */
  const endOpenSpans = (exitCode: number | undefined) =>
    guard('in flight', () => {
      const { provider } = tracing
      const uncaught = recentUncaught()
      const isFatal = uncaught.length > 0 && exitCode !== undefined && exitCode !== 0
      const logger = isFatal ? loggerProvider?.getLogger('@org/otel', version) : undefined
      if (provider.open.size > 0 || logger !== undefined)
        endInFlight({ provider, uncaught, emitFatal: logger && (record => logger.emit(record)) })
      lostOpenSpans = provider.open.size + provider.open.displaced
    })
  const unwatchUncaught = watchUncaught()
  const detachExits = attachExits({
    endInFlight: endOpenSpans,
    flush,
    lastWords: budgetMs => exported.lastWords(budgetMs, speakLastWords),
    sayUnsent() {
      const unsent = guard('unsent', () => renderUnsent(exported.account.lines(), lostOpenSpans))
      if (unsent !== undefined) say('warn', 'ORG_OTEL_EXPORT_UNSENT', unsent)
    },
    deadlineMs: config.exit.deadlineMs,
    lastWordsMs: config.exit.lastWordsMs,
  })
  const detachLine = config.startupLine ? sayStartup(config, user, libraries) : undefined
  const apiTimer = setTimeout(() => guard('API versions', sayNewerApis), startupLineMs)
  apiTimer.unref()
  // Nothing that the first line of the application waits for: the metrics SDK, clouds.
  // A timer and not an immediate: with a domain entered in the main script, Node warns of the first immediate (DEP0097).
  const later = setTimeout(() => guard('after start', () => settle(resolved, metering, exported)))
  later.unref()

  async function stop(): Promise<void> {
    clearTimeout(later)
    detachLine?.()
    clearTimeout(apiTimer)
    detachExits()
    releaseConsole?.()
    libraries.detach()
    tracing.ratioFile?.stop()
    unpublishApi()
    endOpenSpans(undefined)
    unwatchUncaught()
    await within(
      tracing.provider.shutdown().catch(error => swallow('stop', error)),
      config.exit.deadlineMs,
    )
    await within(metering?.stop(), config.exit.deadlineMs)
    await exported.shutdown(config.exit.deadlineMs)
    const registry = readRegistry()
    if (registry !== undefined) registry.state = 'stopped'
  }
  let stopping: Promise<void> | undefined
  return {
    config,
    flush: (deadlineMs = defaultFlushMs) => flush(deadlineMs).catch(error => swallow('flush', error)),
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

/** Ended spans go to export; when span metrics were asked for, past the histogram first. */
function chooseSink(config: Config, exported: Export, sources: HistogramSource[]): SpanSink {
  if (!config.metrics.spanMetrics.enabled) return exported.spans
  const metrics = buildSpanMetrics(config)
  sources.push(metrics)
  return {
    add(span) {
      // How long it would have taken is not known.
      if (!span.unfinished) metrics.record(span)
      exported.spans.add(span)
    },
  }
}

function publish(
  config: Config,
  tracing: ReturnType<typeof buildTracing>,
  metering: Metering | undefined,
  loggerProvider: LeanLoggerProvider | undefined,
): void {
  const taken = publishApi({
    tracerProvider: tracing.provider,
    contextManager: new LeanContextManager(),
    propagator:
      config.logs.requestIdHeader === undefined
        ? tracing.propagator
        : passWithGrpc(tracing.propagator, config.logs.requestIdHeader.toLowerCase()),
    ...(metering !== undefined && { meterProvider: metering.provider }),
    ...(loggerProvider !== undefined && { loggerProvider }),
  })
  guard('tracers handed out before', () => adoptApiCopies(loadedApiCopies()))
  if (taken.length > 0) {
    say(
      'warn',
      'ORG_OTEL_API_TAKEN',
      `another SDK registered ${taken.join(', ')} before us; those stay with it`,
    )
  }
  diag.setLogger(diagLogger, { logLevel: diagLevels[config.logLevel], suppressOverrideMessage: true })
}

// What libraries report at "info" is chatter to the person who starts a service.
const diagLevels: Record<LogLevel, DiagLogLevel> = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.WARN,
  debug: DiagLogLevel.DEBUG,
}

/** The console hangs on no module either: it is taken at start, and only when that was asked for. */
function takeConsole(
  config: Config,
  options: ReturnType<typeof buildLibraryOptions>,
): (() => void) | undefined {
  if (config.logs.console === 'off') return undefined
  return guard('console', () => {
    const hooks: LibraryHooks = loadChunk('lib/logging').hooks(options.logging)
    hooks.start?.()
    return () => hooks.stop?.()
  })
}

/** `http` and `undici` hang on no module: they are hooked at start, each only if its row is on. */
function openHttp(
  config: Config,
  tracing: ReturnType<typeof buildTracing>,
  sources: HistogramSource[],
  counters: HttpCounters,
  metrics: boolean,
): Record<string, () => LibraryHooks> {
  const open = (part: { http: boolean; undici: boolean }) => (): LibraryHooks => {
    let detach: (() => void) | undefined
    return {
      modules: [],
      start() {
        const attached = attachHttp({
          tracerProvider: tracing.provider,
          propagator: tracing.propagator,
          config,
          counters,
          metrics,
          exemplars: config.metrics.exemplarFilter,
          ...part,
        })
        sources.push(...attached.sources)
        detach = attached.detach
      },
      stop: () => detach?.(),
    }
  }
  return { http: open({ http: true, undici: false }), undici: open({ http: false, undici: true }) }
}

function sayForbidden(): void {
  if (!('permission' in process)) return
  const forbidden = readForbidden()
  if (forbidden !== undefined)
    say('warn', 'ORG_OTEL_PERMISSION', `Node's permission model is on: ${forbidden}`)
}

function settle(resolved: Resolved, metering: Metering | undefined, exported: Export): void {
  const { config, origins } = resolved
  prepareIds()
  metering?.begin()
  sayForbidden()
  if (config.logLevel === 'debug')
    for (const line of renderSettings(origins)) say('debug', 'ORG_OTEL_SETTING', line)
  void completeResource(config, exported)
}

// An application has loaded its libraries by then, also through `import`; one that ends earlier gets the line at its end.
const startupLineMs = 300

/** When the application has loaded what it loads. */
function sayNewerApis(): void {
  const accepted = registeredApiVersion()
  const newer = findNewerApis(accepted)
  if (newer.length === 0) return
  say(
    'warn',
    'ORG_OTEL_API_NEWER',
    `@opentelemetry/api ${newer.join(', ')} takes no SDK for ${accepted}: what is made through it is not recorded; install ${accepted} or update @org/otel`,
  )
}

/** The one line for people, once it can say what is instrumented. */
function sayStartup(config: Config, user: UserObjects, libraries: AttachedLibraries): () => void {
  const details = typeof user.sampler === 'object' ? { sampler: String(user.sampler) } : {}
  const speak = () => {
    detach()
    guard('startup line', () =>
      say('info', version, renderStartupLine(config, libraries.instrumented(), details)),
    )
  }
  const timer = setTimeout(speak, startupLineMs)
  timer.unref()
  process.once('exit', speak)
  const detach = () => {
    clearTimeout(timer)
    process.removeListener('exit', speak)
  }
  return detach
}

/** Cloud metadata, when it was asked for: found out beside the application, used from then on. */
async function completeResource(config: Config, exported: Export): Promise<void> {
  const clouds = config.resource.detectors.filter(name => cloudDetectors.has(name))
  if (clouds.length === 0) return
  try {
    const found = await loadChunk('cloud-resource').lookupCloudResource(clouds)
    exported.setResource({ ...config.resource, attributes: { ...found, ...config.resource.attributes } })
  } catch (error) {
    swallow('cloud resource', error)
  }
}
const cloudDetectors = new Set(['aws', 'gcp', 'azure', 'alibaba'])

/** Waits for `work`, but not longer than `ms`; the timer does not keep the process alive once the work is done. */
async function within(work: Promise<void> | undefined, ms: number): Promise<void> {
  if (work === undefined) return
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
