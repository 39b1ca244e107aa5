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
  return (message, ...args) => {
    const text = renderDiag(message, args)
    const second = renderSecondSdk(text)
    if (second === undefined) say(level, 'ORG_OTEL_DIAG', text)
    else say('warn', 'ORG_OTEL_SECOND_SDK', second)
  }
}

/**
 * The API refuses an SDK that comes after us four times, once for each of its parts, each time with a stack. What a person
 * needs is the same for all four: the place in the application that starts it. `undefined` for any other message.
 */
export function renderSecondSdk(text: string): string | undefined {
  if (!text.includes('Attempted duplicate registration of API: ')) return undefined
  const frames = text.match(/\(?(?:file:\/\/)?\/[^\s()]+:\d+:\d+\)?|\(?[A-Za-z]:\\[^()]+:\d+:\d+\)?/g) ?? []
  const own = frames.find(frame => !/[/\\]node_modules[/\\]|[/\\]core\.cjs:/.test(frame))
  const where = own === undefined ? '' : ` (${own.replace(/^\(|\)$/g, '')})`
  return `the application starts an OpenTelemetry SDK of its own${where}; ours stays registered; remove theirs, or start this service without our preload`
}

/** For `diag.setLogger(diagLogger, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true })`. */
export const diagLogger: DiagLogger = {
  error: sayAt('error'),
  warn: sayAt('warn'),
  info: sayAt('info'),
  debug: sayAt('debug'),
  verbose: sayAt('debug'),
}
