// The API's own log (`diag`) goes to the same place and through the same level as everything we say.
import type { DiagLogger } from '@opentelemetry/api'
import { say } from './log.ts'

type Level = 'error' | 'warn' | 'info' | 'debug'
const maxLength = 2000

/** Upstream passes errors and objects; one line of bounded length comes out, and nothing throws. */
export function renderDiag(message: unknown, args: readonly unknown[]): string {
  let text = renderPart(message)
  for (const part of args) text += ` ${renderPart(part)}`
  return text.length > maxLength ? `${text.slice(0, maxLength)}...` : text
}

function renderPart(part: unknown): string {
  try {
    if (typeof part === 'string') return part
    if (part instanceof Error) return part.stack ?? `${part.name}: ${part.message}`
    if (typeof part === 'object' && part !== null) return JSON.stringify(part) ?? '[object]'
    return String(part)
  } catch {
    return '[unprintable]'
  }
}

function sayAt(level: Level): (message: string, ...args: unknown[]) => void {
  return (message, ...args) => say(level, 'ORG_OTEL_DIAG', renderDiag(message, args))
}

/** For `diag.setLogger(diagLogger, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true })`. */
export const diagLogger: DiagLogger = {
  error: sayAt('error'),
  warn: sayAt('warn'),
  info: sayAt('info'),
  debug: sayAt('debug'),
  verbose: sayAt('debug'),
}
