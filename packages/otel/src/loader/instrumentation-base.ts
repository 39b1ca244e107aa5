// Our own small version of what `@opentelemetry/instrumentation` gives to the 40 upstream instrumentations. In the
// bundle that name resolves to this file. The classes run unchanged; only what surrounds them differs:
// nothing here hooks `require` or `import` (the loader reads `_modules` and patches), and tracer, meter and logger
// are fetched at their first use, so that constructing an instrumentation does not pull in the metrics SDK.
import { normalize } from 'node:path'
import { types } from 'node:util'
import {
  type DiagLogger,
  diag,
  type Logger,
  type LoggerProvider,
  logs,
  type Meter,
  type MeterProvider,
  metrics,
  type Span,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'

type AnyFunction = (...args: any[]) => any
type Wrapper = (original: any, name: string) => AnyFunction

export interface InstrumentationConfig {
  enabled?: boolean
  [option: string]: unknown
}

export type PatchFunction = (moduleExports: any, moduleVersion?: string) => any

export class InstrumentationNodeModuleDefinition {
  readonly name: string
  readonly supportedVersions: string[]
  readonly files: InstrumentationNodeModuleFile[]
  readonly patch: PatchFunction | undefined
  readonly unpatch: PatchFunction | undefined
  constructor(
    name: string,
    supportedVersions: string[],
    patch?: PatchFunction,
    unpatch?: PatchFunction,
    files?: InstrumentationNodeModuleFile[],
  ) {
    this.name = name
    this.supportedVersions = supportedVersions
    this.patch = patch
    this.unpatch = unpatch
    this.files = files || []
  }
}

export class InstrumentationNodeModuleFile {
  readonly name: string
  readonly supportedVersions: string[]
  readonly patch: PatchFunction
  readonly unpatch: PatchFunction
  constructor(name: string, supportedVersions: string[], patch: PatchFunction, unpatch: PatchFunction) {
    this.name = normalize(name)
    this.supportedVersions = supportedVersions
    this.patch = patch
    this.unpatch = unpatch
  }
}

export interface Providers {
  tracerProvider(): TracerProvider
  meterProvider(): MeterProvider
  loggerProvider(): LoggerProvider
}

// Before `setProviders` the globals answer, as they do upstream.
let providers: Providers = {
  tracerProvider: () => trace.getTracerProvider(),
  meterProvider: () => metrics.getMeterProvider(),
  loggerProvider: () => logs.getLoggerProvider(),
}

/** Where instrumentations constructed from now on get their tracer, meter and logger from, when they first ask. */
export function setProviders(given: Providers): void {
  providers = given
}

export class InstrumentationBase<C extends InstrumentationConfig = InstrumentationConfig> {
  readonly instrumentationName: string
  readonly instrumentationVersion: string
  protected _config = {} as C
  protected _diag: DiagLogger
  protected _enabled = false
  _modules: InstrumentationNodeModuleDefinition[] = []
  #tracerProvider: TracerProvider | undefined
  #tracer: Tracer | undefined
  #meterProvider: MeterProvider | undefined
  #meter: Meter | undefined
  #loggerProvider: LoggerProvider | undefined
  #logger: Logger | undefined

  constructor(instrumentationName: string, instrumentationVersion: string, config: C) {
    this.instrumentationName = instrumentationName
    this.instrumentationVersion = instrumentationVersion
    this.setConfig(config)
    this._diag = diag.createComponentLogger({ namespace: instrumentationName })
    // Same order as upstream: subclasses expect their instruments before `init`, and `init` before `enable`.
    this._updateMetricInstruments()
    const modules = this.init()
    this._modules = modules === undefined ? [] : Array.isArray(modules) ? modules : [modules]
    if (this._config.enabled) this.enable()
  }

  // Overridden by the instrumentations.
  init(): InstrumentationNodeModuleDefinition | InstrumentationNodeModuleDefinition[] | undefined {
    return undefined
  }
  _updateMetricInstruments(): void {}

  enable(): void {
    this._enabled = true
  }
  disable(): void {
    this._enabled = false
  }
  isEnabled(): boolean {
    return this._enabled
  }

  getModuleDefinitions(): InstrumentationNodeModuleDefinition[] {
    const modules = this.init() ?? []
    return Array.isArray(modules) ? modules : [modules]
  }

  getConfig(): C {
    return this._config
  }
  setConfig(config: C): void {
    this._config = { enabled: true, ...config }
  }

  get tracer(): Tracer {
    return (this.#tracer ??= (this.#tracerProvider ?? providers.tracerProvider()).getTracer(
      this.instrumentationName,
      this.instrumentationVersion,
    ))
  }
  setTracerProvider(tracerProvider: TracerProvider): void {
    this.#tracerProvider = tracerProvider
    this.#tracer = undefined
  }

  get meter(): Meter {
    return (this.#meter ??= (this.#meterProvider ?? providers.meterProvider()).getMeter(
      this.instrumentationName,
      this.instrumentationVersion,
    ))
  }
  setMeterProvider(meterProvider: MeterProvider): void {
    this.#meterProvider = meterProvider
    this.#meter = undefined
    this._updateMetricInstruments()
  }

  get logger(): Logger {
    return (this.#logger ??= (this.#loggerProvider ?? providers.loggerProvider()).getLogger(
      this.instrumentationName,
      this.instrumentationVersion,
    ))
  }
  setLoggerProvider(loggerProvider: LoggerProvider): void {
    this.#loggerProvider = loggerProvider
    this.#logger = undefined
  }

  // Bound, because instrumentations hand them around as plain functions.
  _wrap = (target: any, name: string, wrapper: Wrapper): AnyFunction | undefined => {
    if (isWrapped(target?.[name])) this._unwrap(target, name)
    if (!types.isProxy(target)) return wrap(target, name, wrapper)
    // An import-in-the-middle namespace: exports are set through `value`, getters are refused.
    const wrapped = wrap({ ...target }, name, wrapper)
    if (wrapped !== undefined) Object.defineProperty(target, name, { value: wrapped })
    return wrapped
  }
  _unwrap = (target: any, name: string): void => {
    if (types.isProxy(target)) {
      Object.defineProperty(target, name, { value: target[name]?.__original ?? target[name] })
      return
    }
    const wrapped = target?.[name]
    if (typeof wrapped?.__unwrap === 'function') wrapped.__unwrap()
  }
  _massWrap = (targets: any, names: string[], wrapper: Wrapper): void => {
    for (const target of listOf(targets)) for (const name of names) this._wrap(target, name, wrapper)
  }
  _massUnwrap = (targets: any, names: string[]): void => {
    for (const target of listOf(targets)) for (const name of names) this._unwrap(target, name)
  }

  _runSpanCustomizationHook(
    hook: ((span: Span, info: unknown) => void) | undefined,
    triggerName: string,
    span: Span,
    info: unknown,
  ): void {
    if (!hook) return
    try {
      hook(span, info)
    } catch (error) {
      this._diag.error(
        'Error running span customization hook due to exception in handler',
        { triggerName },
        error,
      )
    }
  }
}

function listOf(targets: any): any[] {
  return Array.isArray(targets) ? targets : targets ? [targets] : []
}

function define(target: any, name: string, value: unknown): void {
  const enumerable = !!target[name] && Object.prototype.propertyIsEnumerable.call(target, name)
  Object.defineProperty(target, name, { configurable: true, enumerable, writable: true, value })
}

const ownByNature = new Set<string | symbol>([
  'arguments',
  'caller',
  'prototype',
  '__original',
  '__unwrap',
  '__wrapped',
])

/** Name, length and what else hangs on the function (`util.promisify.custom`): people look at these. */
function imitate(wrapped: AnyFunction, original: AnyFunction): void {
  for (const key of Reflect.ownKeys(original)) {
    if (ownByNature.has(key)) continue
    const mine = Object.getOwnPropertyDescriptor(wrapped, key)
    // What the wrapper put there itself stays; name and length every function has by itself.
    if (mine !== undefined && ((key !== 'name' && key !== 'length') || !mine.configurable)) continue
    Object.defineProperty(wrapped, key, Object.getOwnPropertyDescriptor(original, key)!)
  }
}

/** Whether the call that runs now has reached the library: the innermost one. */
let reached = { original: false }

/**
 * The wrapper, with a way out: when it throws before it has called the original, the original is called as if there were no
 * wrapper. So who passes what the library refuses (`app.use(null)`) gets the library's own error.
 */
function guardWrapper(original: AnyFunction, wrapper: Wrapper, name: string): AnyFunction | undefined {
  function call(this: unknown, ...args: unknown[]): unknown {
    reached.original = true
    return new.target
      ? Reflect.construct(original, args, new.target === call ? original : new.target)
      : original.apply(this, args)
  }
  imitate(call, original)
  if (original.prototype !== undefined) call.prototype = original.prototype
  const wrapped = wrapper(call, name)
  if (typeof wrapped !== 'function' || wrapped === call) return undefined

  function guarded(this: unknown, ...args: unknown[]): unknown {
    if (new.target) return Reflect.construct(wrapped, args, new.target === guarded ? wrapped : new.target)
    const outer = reached
    const own = { original: false }
    reached = own
    let failure: unknown
    try {
      return wrapped.apply(this, args.slice())
    } catch (error) {
      if (own.original) throw error
      failure = error
    } finally {
      reached = outer
    }
    // A wrong call as a rule, which the library refuses in its own words, now or later.
    diag.debug(`${name} runs without its instrumentation, which failed before it`, failure)
    return original.apply(this, args)
  }
  imitate(guarded, wrapped)
  if (wrapped.prototype !== undefined) guarded.prototype = wrapped.prototype
  return guarded
}

function wrap(target: any, name: string, wrapper: Wrapper): AnyFunction | undefined {
  const original = target?.[name]
  // Upstream prints here. A method that a version of a library lacks is no news for the user.
  if (typeof original !== 'function' || typeof wrapper !== 'function') return undefined
  const wrapped = guardWrapper(original, wrapper, name)
  if (wrapped === undefined) return undefined
  imitate(wrapped, original)
  define(wrapped, '__original', original)
  define(wrapped, '__unwrap', () => {
    if (target[name] === wrapped) define(target, name, original)
  })
  define(wrapped, '__wrapped', true)
  define(target, name, wrapped)
  return wrapped
}

export function isWrapped(value: any): boolean {
  return (
    typeof value === 'function' &&
    typeof value.__original === 'function' &&
    typeof value.__unwrap === 'function' &&
    value.__wrapped === true
  )
}

/** Runs `execute`, then `onFinish` with its error or result; rethrows unless told otherwise. */
export function safeExecuteInTheMiddle<T>(
  execute: () => T,
  onFinish: (error: any, result: T | undefined) => void,
  preventThrowingError?: boolean,
): T {
  let error: unknown
  let result: T | undefined
  let failed = false
  try {
    result = execute()
  } catch (thrown) {
    failed = true
    error = thrown
  }
  try {
    onFinish(error, result)
  } catch (problem) {
    // What was to be noted about the call must not take the place of what the call has given.
    diag.debug('an instrumentation failed after the call it describes', problem)
  }
  if (failed && !preventThrowingError) throw error
  return result as T
}

export async function safeExecuteInTheMiddleAsync<T>(
  execute: () => T | Promise<T>,
  onFinish: (error: any, result: T | undefined) => void | Promise<void>,
  preventThrowingError?: boolean,
): Promise<T> {
  let error: unknown
  let result: T | undefined
  let failed = false
  try {
    result = await execute()
  } catch (thrown) {
    failed = true
    error = thrown
  }
  try {
    await onFinish(error, result)
  } catch (problem) {
    diag.debug('an instrumentation failed after the call it describes', problem)
  }
  if (failed && !preventThrowingError) throw error
  return result as T
}

export const SemconvStability = {
  STABLE: 1,
  OLD: 2,
  DUPLICATE: 3,
  1: 'STABLE',
  2: 'OLD',
  3: 'DUPLICATE',
} as const

/** What `OTEL_SEMCONV_STABILITY_OPT_IN` says about one namespace (`http`, `http/dup`). */
export function semconvStabilityFromStr(namespace: string, text: string | undefined): 1 | 2 | 3 {
  const entries = (text ?? '').split(',').map(entry => entry.trim().toLowerCase())
  if (entries.includes(`${namespace}/dup`)) return SemconvStability.DUPLICATE
  return entries.includes(namespace) ? SemconvStability.STABLE : SemconvStability.OLD
}

export interface RegisterOptions {
  instrumentations?: (InstrumentationBase | InstrumentationBase[])[]
  tracerProvider?: TracerProvider
  meterProvider?: MeterProvider
  loggerProvider?: LoggerProvider
}

/** Hands providers to instrumentations and enables them; returns the function that disables them. */
export function registerInstrumentations(options: RegisterOptions): () => void {
  const all = (options.instrumentations ?? []).flat()
  for (const one of all) {
    if (options.tracerProvider) one.setTracerProvider(options.tracerProvider)
    if (options.meterProvider) one.setMeterProvider(options.meterProvider)
    if (options.loggerProvider) one.setLoggerProvider(options.loggerProvider)
    if (!one.isEnabled()) one.enable()
  }
  return () => {
    for (const one of all) one.disable()
  }
}
