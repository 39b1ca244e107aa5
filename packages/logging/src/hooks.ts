// What the preload does to the loggers an application loads. Same code as the imported mixin and format.

import { patchBunyanLogger } from './bunyan.ts'
import { describeBunyanRecords } from './bunyan-record.ts'
import { type ConsoleMode, patchConsole } from './console.ts'
import { LineOutlet, type OutletOptions } from './line-outlet.ts'
import type { CorrelationOptions } from './options.ts'
import { patchPinoPrototype } from './pino.ts'
import { describePinoLines } from './pino-record.ts'
import { watchPinoTransports } from './pino-transport.ts'
import { setDefaultOptions } from './registry.ts'
import { patchWinstonLogger } from './winston.ts'
import { findWinstonFormats } from './winston-formats.ts'
import { describeWinstonInfos } from './winston-record.ts'

export interface LoggingHookOptions extends CorrelationOptions, OutletOptions {
  /** false: no line is changed. Default: true. */
  correlation?: boolean
  /** What becomes of `console.log` and the others. Default: `off`. */
  console?: ConsoleMode
}

interface ModuleInfo {
  readonly version: string
  /** Absolute directory of the package. */
  readonly baseDir?: string
}

interface ModulePatch {
  readonly name: string
  readonly file?: string
  readonly versions?: readonly string[]
  patch(exports: any, info: ModuleInfo): any
}

export interface LoggingHooks {
  readonly modules: readonly ModulePatch[]
  start(): void
  stop(): void
}

/**
 * The files of pino, winston and bunyan to change once they are loaded; `start` takes the console if that was asked for.
 *
 * ```ts
 * const { modules } = loggingHooks({ preset: 'ecs', loggerProvider })
 * ```
 */
export function loggingHooks(options: LoggingHookOptions = {}): LoggingHooks {
  const { correlation = true, console: consoleMode = 'off', onFailure } = options
  setDefaultOptions(options)
  const undo: (() => void)[] = []
  const keep = (back: (() => void) | undefined): void => {
    if (back !== undefined) undo.push(back)
  }
  const listens =
    options.loggerProvider !== undefined ||
    (options.recordErrors !== undefined && options.recordErrors !== 'off')
  const outletOf = (library: string, { version }: ModuleInfo): LineOutlet | undefined =>
    listens ? new LineOutlet(library, version, options) : undefined

  /** What the three patches have in common. */
  const optionsFor = <L>(outlet: LineOutlet | undefined, describe: (outlet: LineOutlet) => L) => ({
    correlation,
    listener: outlet && describe(outlet),
    onFailure: (error: unknown) => onFailure?.(`log record of ${outlet?.library}`, error),
  })

  const transports = watchPinoTransports()
  const pinoTransport: ModulePatch = {
    name: 'pino',
    file: 'lib/transport.js',
    versions: ['>=7.0.0 <11'],
    patch: (transport, { baseDir }) => transports.wrap(transport, baseDir),
  }
  const loggers: ModulePatch[] = [
    {
      name: 'pino',
      file: 'lib/proto.js',
      versions: ['>=5.14.0 <11'],
      patch(makePrototype, info) {
        const outlet = outletOf('pino', info)
        keep(
          patchPinoPrototype(
            makePrototype,
            optionsFor(outlet, it => describePinoLines(it, transports.targets)),
          ),
        )
        return makePrototype
      },
    },
    {
      name: 'winston',
      file: 'lib/winston/logger.js',
      versions: ['>=3.0.0 <4'],
      patch(Logger, info) {
        const common = optionsFor(outletOf('winston', info), describeWinstonInfos)
        const formats = correlation ? findWinstonFormats(info.baseDir) : undefined
        keep(patchWinstonLogger(Logger, { ...common, formats }))
        keep(formats?.detach)
        return Logger
      },
    },
    {
      name: 'bunyan',
      versions: ['>=1.0.0 <3'],
      patch(Logger, info) {
        keep(patchBunyanLogger(Logger, optionsFor(outletOf('bunyan', info), describeBunyanRecords)))
        return Logger
      },
    },
  ]
  return {
    // Only who sends must know what else does.
    modules: [
      ...(options.loggerProvider === undefined ? [] : [pinoTransport]),
      ...(correlation || listens ? loggers : []),
    ],
    start() {
      if (consoleMode !== 'off') keep(patchConsole(console, consoleMode))
    },
    stop() {
      for (const back of undo.splice(0)) back()
    },
  }
}
