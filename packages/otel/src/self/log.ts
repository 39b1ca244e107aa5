// How we speak: on stderr only, each thing once. Nothing here ever throws or touches stdout.
import { writeSync } from 'node:fs'
import type { LogLevel } from '../config/config.ts'
import type { Problem } from './problem.ts'

const rank: Record<LogLevel, number> = { none: 0, error: 1, warn: 2, info: 3, debug: 4 }
const maxRemembered = 500
const said = new Set<string>()
let threshold = rank.info

export function setLogLevel(level: LogLevel): void {
  threshold = rank[level]
}

/** Writes `[otel] CODE text` unless the very same line was written before. */
export function say(level: Exclude<LogLevel, 'none'>, code: string, text: string): void {
  if (rank[level] > threshold) return
  const line = `[otel] ${code} ${text}`
  if (said.has(line)) return
  if (said.size >= maxRemembered) said.clear()
  said.add(line)
  try {
    writeSync(2, `${line.replace(/[\r\n]+/g, ' ')}\n`)
  } catch {
    // stderr is closed or full: there is nobody to tell.
  }
}

export function sayProblem(problem: Problem): void {
  say('warn', problem.code, `${problem.subject}: ${problem.message}`)
}
