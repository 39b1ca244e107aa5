// Puts our providers where every copy of `@opentelemetry/api` 1.x looks for them: the global under
// `Symbol.for('opentelemetry.js.api.1')`, and for `@opentelemetry/api-logs` 0.x its own. The only file of this room that
// touches globals.
import type { ContextManager, MeterProvider, TextMapPropagator, TracerProvider } from '@opentelemetry/api'

const apiKey = Symbol.for('opentelemetry.js.api.1')
const legacyLogsKey = Symbol.for('io.opentelemetry.js.api.logs')
/** What `api-logs` 0.x asks its global for. */
const legacyLogsVersion = 1
// A copy of the API uses the global when its own minor version is not above this one.
const apiVersion = '1.10.0'

export interface Published {
  tracerProvider?: TracerProvider
  contextManager?: ContextManager
  propagator?: TextMapPropagator
  meterProvider?: MeterProvider
  /** api 1.10 `logs`; the same object serves `api-logs` 0.x. */
  loggerProvider?: { getLogger(name: string, version?: string, options?: unknown): unknown }
}

type ApiGlobal = { readonly version: string } & Record<string, unknown>
type Globals = Record<symbol, unknown>

const fields = {
  trace: 'tracerProvider',
  context: 'contextManager',
  propagation: 'propagator',
  metrics: 'meterProvider',
  logs: 'loggerProvider',
} as const satisfies Record<string, keyof Published>

/** Ours, by API name, to take back exactly those. */
const ours = new Map<string, unknown>()
let ourLegacyLogs: unknown

/**
 * Registers what is given. Returns the API names that somebody else holds already: those stay theirs.
 * An older copy of the API may have made the global first (for its diag logger, say): its entries are carried over into one
 * that copies up to 1.10 accept.
 *
 *     const taken = publishApi({ tracerProvider, contextManager: new LeanContextManager(), propagator })
 */
export function publishApi(published: Published): string[] {
  const api = openGlobal()
  const taken: string[] = []
  for (const [name, field] of Object.entries(fields)) {
    const instance = published[field]
    if (instance === undefined || api[name] === instance) continue
    if (api[name] !== undefined) {
      taken.push(name)
      continue
    }
    api[name] = instance
    ours.set(name, instance)
  }
  const { loggerProvider } = published
  const globals = globalThis as unknown as Globals
  if (loggerProvider !== undefined && globals[legacyLogsKey] === undefined) {
    ourLegacyLogs = (version: number) => (version === legacyLogsVersion ? loggerProvider : undefined)
    globals[legacyLogsKey] = ourLegacyLogs
  }
  return taken
}

const noted = new Set<unknown>()
/** Whose proxies lead to us, until we unpublish. */
const adopted = new Set<unknown>()

/** Remembers a copy of the API, to be adopted by whatever is published. For copies that are ES modules: those are in no cache. */
export function noteApiCopy(copy: unknown): void {
  noted.add(copy)
}

/** Adopts the noted copies and those given. */
export function adoptApiCopies(copies: readonly unknown[]): void {
  for (const copy of [...noted, ...copies]) adoptApiCopy(copy)
}

/** Takes back what `publishApi` registered and is still there. */
export function unpublishApi(): void {
  const globals = globalThis as unknown as Globals
  const api = globals[apiKey] as ApiGlobal | undefined
  if (api !== undefined) {
    for (const [name, instance] of ours) if (api[name] === instance) delete api[name]
  }
  for (const copy of adopted) {
    const { trace, logs } = copy as { trace?: ProxyHolder; logs?: ProxyHolder }
    trace?._proxyTracerProvider?.setDelegate?.(undefined)
    logs?._proxyLoggerProvider?._setDelegate?.(undefined)
  }
  adopted.clear()
  ours.clear()
  if (ourLegacyLogs !== undefined && globals[legacyLogsKey] === ourLegacyLogs) delete globals[legacyLogsKey]
  ourLegacyLogs = undefined
}

/**
 * Late registration: tracers that a copy of the API handed out before `publishApi` come to life. `copy` is that module
 * (`require('@opentelemetry/api')`); the global alone cannot reach what it gave away earlier.
 */
export function adoptApiCopy(copy: unknown): void {
  const { trace, logs } = (copy ?? {}) as { trace?: ProxyHolder; logs?: ProxyHolder }
  if (trace === undefined && logs === undefined) return
  adopted.add(copy)
  const tracerProvider = ours.get('trace')
  if (tracerProvider !== undefined) trace?._proxyTracerProvider?.setDelegate?.(tracerProvider)
  const loggerProvider = ours.get('logs')
  if (loggerProvider !== undefined) logs?._proxyLoggerProvider?._setDelegate?.(loggerProvider)
}

// Private fields of the API, the same since 1.0 (`trace`) and 1.10 (`logs`); absent ones are passed over.
interface ProxyHolder {
  _proxyTracerProvider?: { setDelegate?(provider: unknown): void }
  _proxyLoggerProvider?: { _setDelegate?(provider: unknown): void }
}

/** What copies of the API compare their own version with. */
export function registeredApiVersion(): string {
  const globals = globalThis as unknown as Globals
  return (globals[apiKey] as ApiGlobal | undefined)?.version ?? apiVersion
}

function openGlobal(): ApiGlobal {
  const globals = globalThis as unknown as Globals
  const before = globals[apiKey] as ApiGlobal | undefined
  if (before !== undefined && minorOf(before.version) >= minorOf(apiVersion)) return before
  const api = Object.defineProperty({}, 'version', { value: apiVersion, enumerable: true }) as ApiGlobal
  for (const [name, instance] of Object.entries(before ?? {})) {
    if (name !== 'version') (api as Record<string, unknown>)[name] = instance
  }
  globals[apiKey] = api
  return api
}

function minorOf(version: unknown): number {
  return typeof version === 'string' ? Number(version.split('.')[1]) || 0 : -1
}
