// `--require @org/otel` loads the package and starts nothing: one word is missing, and nothing else says so.
import { say } from '../self/log.ts'

const preload =
  /(?:^|\s)(?:-r|--require|--import)(?:\s+|=)(["']?)((?:[^\s"']*\/node_modules\/)?@org\/otel(?:\/dist\/index\.[cm]js)?)\1(?=\s|$)/

/** The flag as it was written, when this package is preloaded without `/register`. */
export function findUnstarted(
  execArgv: readonly string[],
  nodeOptions: string | undefined,
): string | undefined {
  for (const text of [execArgv.join(' '), nodeOptions ?? ''])
    if (!text.includes('@org/otel/register')) {
      const found = preload.exec(text)
      if (found !== null) return found[0].trim()
    }
  return undefined
}

export function sayUnstarted(execArgv: readonly string[], nodeOptions: string | undefined): void {
  const flag = findUnstarted(execArgv, nodeOptions)
  if (flag === undefined) return
  say(
    'warn',
    'ORG_OTEL_SKIPPED',
    `not started: ${flag} loads the package and does not start it; write ${flag.replace(/@org\/otel.*$/, '@org/otel/register')}`,
  )
}
