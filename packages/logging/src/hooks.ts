// What the preload does to the loggers an application loads. Same code as the imported mixin and format.

import { patchBunyanLogger } from './bunyan.ts'
import type { CorrelationOptions } from './options.ts'
import { type PinoLineListener, patchPinoPrototype } from './pino.ts'
import { setDefaultOptions } from './registry.ts'
import { patchWinstonLogger, type WinstonInfoListener } from './winston.ts'

export interface LoggingHookOptions extends CorrelationOptions {
  onPinoLine?: PinoLineListener
  onWinstonInfo?: WinstonInfoListener
  onBunyanRecord?: (record: Record<string, unknown>) => void
}

interface ModulePatch {
  readonly name: string
  readonly file?: string
  readonly versions?: readonly string[]
  patch(exports: any, info: { readonly version: string }): any
}

/**
 * The files of pino, winston and bunyan to change once they are loaded.
 *
 * ```ts
 * const { modules } = loggingHooks({ preset: 'ecs' })
 * ```
 */
export function loggingHooks(options: LoggingHookOptions = {}): { readonly modules: readonly ModulePatch[] } {
  const { onPinoLine, onWinstonInfo, onBunyanRecord, ...correlation } = options
  setDefaultOptions(correlation)
  return {
    modules: [
      {
        name: 'pino',
        file: 'lib/proto.js',
        versions: ['>=5.14.0 <11'],
        patch(makePrototype) {
          patchPinoPrototype(makePrototype, onPinoLine && { listener: onPinoLine })
          return makePrototype
        },
      },
      {
        name: 'winston',
        file: 'lib/winston/logger.js',
        versions: ['>=3.0.0 <4'],
        patch(Logger) {
          patchWinstonLogger(Logger, onWinstonInfo && { listener: onWinstonInfo })
          return Logger
        },
      },
      {
        name: 'bunyan',
        versions: ['>=1.0.0 <3'],
        patch(Logger) {
          patchBunyanLogger(Logger, onBunyanRecord && { listener: onBunyanRecord })
          return Logger
        },
      },
    ],
  }
}
