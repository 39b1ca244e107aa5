// How we speak: on stderr only, each thing once. Nothing here ever throws or touches stdout.
import { writeSync } from 'node:fs'
import type { LogLevel } from '../config/config.ts'
import { redactText } from '../redact/text.ts'
import type { Problem } from './problem.ts'

const rank: Record<LogLevel, number> = { none: 0, error: 1, warn: 2, info: 3, debug: 4 }
const maxRemembered = 500
const said = new Set<string>()
let threshold = rank.info

export function setLogLevel(level: LogLevel): void {
  threshold = rank[level]
}

/** Whether such a line would be written: asked before a costly text is made. */
export function isSaid(level: Exclude<LogLevel, 'none'>): boolean {
  return rank[level] <= threshold
}

/** Writes `[otel] CODE text` unless the very same line was written before. */
export function say(level: Exclude<LogLevel, 'none'>, code: string, text: string): void {
  if (rank[level] > threshold) return
  // Texts of collectors and of the environment are in here: no line break makes a line of its own, no escape sequence
  // reaches a terminal.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
  const line = `[otel] ${code} ${clean(text)}`.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
  if (said.has(line)) return
  if (said.size >= maxRemembered) said.clear()
  said.add(line)
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // stderr is closed or full: there is nobody to tell.
  }
}

/** What a collector, an exporter or the environment said may be a URL with a password. */
function clean(text: string): string {
  try {
    return redactText(text)
  } catch {
    return 'a message that cannot be shown'
  }
}

export function sayProblem(problem: Problem): void {
  say(problem.level ?? 'warn', problem.code, `${problem.subject}: ${problem.message}`)
}
