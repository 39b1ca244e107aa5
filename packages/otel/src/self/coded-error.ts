import type { Problem } from './problem.ts'

/**
 * What `start()` throws for arguments it cannot use. Match on `code`, not on the class: two copies of us may be loaded.
 *
 * @example
 * try { start({ protocol: 'grcp' }) } catch (error) { if (error.code === 'ORG_OTEL_ARGUMENT') console.error(error.problems) }
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
