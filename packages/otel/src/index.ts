// The public entry of @org/otel, for people who prefer code to a flag. What only they need (checking options, reading
// them into settings) lives here and not in the core that every process loads.

import { sayUnstarted } from './config/unstarted.ts'
import { expectUserOptions, readUserOptions, type UserOptions } from './config/user-options.ts'
import { startFromCode, type Telemetry } from './start.ts'

export type { Config } from './config/config.ts'
export type { UserIdGenerator, UserOptions, UserSampler, UserSpanProcessor } from './config/user-options.ts'
export type { Telemetry } from './start.ts'

// Preloading this file looks like starting, and does nothing.
sayUnstarted(process.execArgv, process.env.NODE_OPTIONS)

/**
 * Starts from code, with the same settings as the preload; options win over the environment. Where the preload runs
 * already, its handle is returned and its settings stay.
 *
 * @throws CodedError `ORG_OTEL_ARGUMENT` that lists every option that is wrong
 * @example
 * import { start } from '@org/otel'
 *
 * const telemetry = start({ serviceName: 'payments', sampler: 0.1 })
 * // What is pending is sent at the end by itself, whether by signal, crash or an empty loop. To send it now:
 * await telemetry.flush()
 */
export function start(options: UserOptions = {}): Telemetry {
  expectUserOptions(options)
  return startFromCode(options, readUserOptions(options))
}
