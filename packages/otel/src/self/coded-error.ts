import type { Problem } from './problem.ts'

/**
 * What `start()` throws for arguments it cannot use. Match on `code`, not on the class: two copies of us may be loaded.
 *
 * @example
 * import { start } from '@org/otel'
 *
 * try {
 *   start({ serviceName: process.argv[2] ?? '' })
 * } catch (error) {
 *   if ((error as { code?: string }).code !== 'ORG_OTEL_ARGUMENT') throw error
 *   console.error((error as Error).message) // a line for each option that is wrong
 * }
 */
export class CodedError extends Error {
  readonly code: string
  readonly problems: readonly Problem[]

  constructor(code: string, problems: readonly Problem[]) {
    super(problems.map(p => `${p.subject}: ${p.message}`).join('\n'))
    this.name = 'OtelError'
    this.code = code
    this.problems = problems
  }
}
