// Attaches everything that was chosen to the libraries of this process: what to patch is in the catalog, whether in
// `choose`, how modules are seen in the two hooks. This file is the order of events.
import { existsSync } from 'node:fs'
import Module from 'node:module'
import {
  type LoggerProvider,
  logs,
  type MeterProvider,
  metrics,
  type TracerProvider,
} from '@opentelemetry/api'
import type { Config } from '../config/config.ts'
import { withOldNamesBeside } from '../libraries/old-names.ts'
import { swallow } from '../self/guard.ts'
import { isSaid, say } from '../self/log.ts'
import { type CatalogRow, catalog } from './catalog.ts'
import { type ChosenRow, chooseRows } from './choose.ts'
import { loadChunk } from './chunk.ts'
import { attachCjsHook } from './cjs-hook.ts'
import { noted } from './commonjs-source.ts'
import { attachEsmHook, type EsmFiles, hooksRunInThread } from './esm-hook.ts'
import { mayImport } from './esm-need.ts'
import type { Providers } from './instrumentation-base.ts'
import type { LibraryHooks } from './library.ts'
import { isModuleFile } from './package-manifest.ts'
import { parsePackagePath } from './package-path.ts'
import { type OpenedHooks, Patcher, type SeenLibrary } from './patcher.ts'
import { sayLibraries } from './say-libraries.ts'
import { openUpstream } from './upstream.ts'

export interface AttachOptions {
  readonly config: Pick<Config, 'instrumentations'>
  readonly tracerProvider: TracerProvider
  /** Called when an instrumentation makes its first instrument; not before. Undefined: metrics are off. */
  readonly meterProvider: () => MeterProvider | undefined
  /** Called when an instrumentation writes its first log record; not before. Undefined: logs are not sent. */
  readonly loggerProvider: () => LoggerProvider | undefined
  /**
   * Hooks for rows that hang on no module load, by row key (`http`, `undici`, `runtime-node`). They are made and
   * started when their row is on, and take the place of the row's chunk.
   */
  readonly builtins?: Readonly<Record<string, (options: Readonly<Record<string, unknown>>) => LibraryHooks>>
  /** Options for our own libraries by chunk (`kafka`, `logging`, `exemplars`), beneath those the user gave. */
  readonly libraryOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** What to do when libraries were loaded before us; it depends on how we were started. */
  readonly remedy: string
  readonly log?: typeof say
}

export interface AttachedLibraries {
  /** Keys of the rows that are in effect now: started, or with at least one patched library. */
  instrumented(): string[]
  /** Every copy of every table library that was loaded so far, and what became of it. */
  seen(): readonly SeenLibrary[]
  /** Every row of the catalog with the decision and its reason. */
  chosen(): readonly ChosenRow[]
  detach(): void
}

function esmFilesOf(rows: readonly ChosenRow[]): EsmFiles {
  return Object.assign({}, ...rows.map(({ row }) => row.esmFiles ?? {}))
}

function isLambda(): boolean {
  return process.env._HANDLER !== undefined && process.env.LAMBDA_TASK_ROOT !== undefined
}

function isStartable(row: CatalogRow): boolean {
  return row.on === 'start' && (row.key !== 'aws-lambda' || isLambda())
}

/**
 * Attaches the chosen instrumentations. Never throws: an instrumentation that fails is said once and left out.
 *
 * @example
 * const attached = attachLibraries({ config, tracerProvider, meterProvider: () => meters(), loggerProvider: () => logs() })
 * attached.instrumented() // ['http', 'express', 'pg']
 */
export function attachLibraries(options: AttachOptions): AttachedLibraries {
  const log = options.log ?? say
  const chosen = chooseRows(catalog, options.config.instrumentations)
  const on = chosen.filter(one => one.on)
  const started: { key: string; hooks: LibraryHooks }[] = []

  const providers: Providers = {
    tracerProvider: () => options.tracerProvider,
    meterProvider: () => options.meterProvider() ?? metrics.getMeterProvider(),
    loggerProvider: () => options.loggerProvider() ?? logs.getLoggerProvider(),
  }

  /** Rows that share a chunk (the Kafka clients, the loggers) share one set of hooks, made once. */
  const shared = new Map<string, LibraryHooks>()
  function openOurs(chunk: string): LibraryHooks {
    let hooks = shared.get(chunk)
    if (hooks === undefined) {
      const ofUser = on.filter(({ row }) => row.chunk === chunk).map(one => one.options)
      hooks = loadChunk(`lib/${chunk}`).hooks(
        Object.assign({}, options.libraryOptions?.[chunk], ...ofUser),
      ) as LibraryHooks
      shared.set(chunk, hooks)
      hooks.start?.()
    }
    return hooks
  }

  function open({ row, options: wished }: ChosenRow): OpenedHooks | undefined {
    try {
      if (row.chunk === undefined) return undefined
      if (row.owner === 'ours') return openOurs(row.chunk)
      const { Instrumentation } = loadChunk(`lib/${row.chunk}`)
      const decided = options.libraryOptions?.[row.chunk]
      const given = { ...decided, ...(row.asksOthers && { isInstrumented }), ...wished }
      const opened = openUpstream(Instrumentation, given, row, providers)
      // Some flush through the provider (aws-lambda); the others take it without creating a tracer yet.
      opened.instrumentation.setTracerProvider(
        decided?.semconv === 'dup' ? withOldNamesBeside(options.tracerProvider) : options.tracerProvider,
      )
      // Needed even when it is what it would find itself: this makes the instruments once more, because the class
      // fields of subclasses have undone what their base's constructor made.
      opened.instrumentation.setMeterProvider(options.meterProvider() ?? metrics.getMeterProvider())
      return opened
    } catch (error) {
      swallow(`loading instrumentation ${row.key}`, error)
      return undefined
    }
  }

  function isInstrumented(key: string): boolean {
    return patcher.seen.some(seen => seen.key === key && seen.state === 'patched')
  }

  const patcher = new Patcher(
    on.filter(({ row }) => row.on !== 'builtin'),
    open,
    seen =>
      log(
        'warn',
        'ORG_OTEL_LIBRARY_VERSION',
        `${seen.name} ${seen.version} is not instrumented: ${seen.key} supports ${seen.detail}`,
      ),
    hooksRunInThread(process.versions.node)
      ? undefined
      : filename => {
          if (existsSync(filename)) module.require(filename)
        },
  )

  function startRow({ row }: ChosenRow, make: () => OpenedHooks | undefined): void {
    try {
      const hooks = make()
      if (hooks === undefined) return
      hooks.start?.()
      if (hooks.files) patcher.addExactFiles(hooks.files)
      started.push({ key: row.key, hooks })
    } catch (error) {
      swallow(`starting instrumentation ${row.key}`, error)
    }
  }

  /** net, dns, fs: the module exists once and is patched in place, for `import` as well. */
  function patchBuiltin(one: ChosenRow): void {
    const hooks = patcher.hooksOf(one)
    if (hooks === undefined) return
    for (const patch of hooks.modules) {
      try {
        const exports = module.require(patch.name)
        patch.patch(exports, { name: patch.name, version: process.versions.node, baseDir: '', isEsm: false })
      } catch (error) {
        swallow(`instrumentation ${one.row.key}`, error)
      }
    }
    Module.syncBuiltinESMExports()
    started.push({ key: one.row.key, hooks })
  }

  const early = new Set<string>()
  for (const [filename, loaded] of Object.entries((Module as any)._cache as Record<string, NodeModule>)) {
    // What an ES module imports lies here before it is evaluated: the hook sees it in time.
    if (loaded?.loaded !== true) continue
    const path = patcher.pathOf(filename)
    if (path === undefined) continue
    for (const seen of patcher.markLoadedBefore(path)) early.add(`${seen.name} ${seen.version}`)
  }
  if (early.size > 0)
    log(
      'warn',
      'ORG_OTEL_LOADED_BEFORE',
      `${[...early].join(', ')} loaded before @org/otel, so not instrumented; ${options.remedy}`,
    )

  for (const one of on) {
    const given = options.builtins?.[one.row.key]
    if (given) startRow(one, () => given(one.options))
    else if (isStartable(one.row)) startRow(one, () => patcher.hooksOf(one))
    else if (one.row.on === 'builtin') patchBuiltin(one)
    else if (options.config.instrumentations.eager && one.row.on === 'load') patcher.hooksOf(one)
  }
  let detachEsm: (() => void) | undefined
  let esmIsHooked = false
  function hookEsm(): void {
    if (esmIsHooked) return
    esmIsHooked = true
    try {
      detachEsm = attachEsmHook(patcher, esmFilesOf(on))
    } catch (error) {
      if ((error as { code?: unknown })?.code === 'ERR_ACCESS_DENIED')
        log(
          'warn',
          'ORG_OTEL_PERMISSION',
          'imports of ES modules are not instrumented: on this Node their hooks run in a thread, which --allow-worker allows',
        )
      else swallow('hooking import', error)
    }
  }
  // Node's ES module loader keeps the `fs` it meets first: it must not be woken up before Yarn has put its own in place.
  const flags = `${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`
  const waitsForPnp = flags.includes('.pnp.cjs') && process.versions.pnp === undefined
  const cjs = attachCjsHook(
    patcher,
    filename => {
      // An ES module of the table is being required: what it imports must be seen.
      const path = esmIsHooked ? undefined : parsePackagePath(filename)
      if (path !== undefined && isModuleFile(filename, path.baseDir)) hookEsm()
    },
    () => {
      if (waitsForPnp) hookEsm()
    },
  )
  Object.defineProperty(globalThis, noted, { value: cjs.note, configurable: true })
  const launch = {
    entry: process.argv[1],
    execArgv: process.execArgv,
    nodeOptions: process.env.NODE_OPTIONS,
    cwd: () => process.cwd(),
  }
  if (!waitsForPnp && (patcher.exactFiles.length > 0 || mayImport(Object.keys(esmFilesOf(on)), launch)))
    hookEsm()

  const detachSaying = isSaid('debug') ? sayLibraries(chosen, patcher.seen, log) : () => {}

  return {
    instrumented() {
      const keys = new Set(started.map(({ key }) => key))
      for (const seen of patcher.seen) if (seen.state === 'patched') keys.add(seen.key)
      return [...keys]
    },
    seen: () => patcher.seen,
    chosen: () => chosen,
    detach() {
      detachSaying()
      cjs.detach()
      Reflect.deleteProperty(globalThis, noted)
      detachEsm?.()
      const all = new Set([...patcher.opened.values(), ...started.map(({ hooks }) => hooks)])
      for (const hooks of all) {
        try {
          hooks?.stop?.()
        } catch (error) {
          swallow('detaching an instrumentation', error)
        }
      }
    },
  }
}
