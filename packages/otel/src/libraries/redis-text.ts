// What a span may say of a Redis command and its failure: upstream's table of how many arguments are keys rather than values.
import type { Span } from '@opentelemetry/api'

/** Commands by the beginning of their name; -1: every argument. Others show none. */
const shown: readonly (readonly [RegExp, number])[] = [
  [/^ECHO/i, 0],
  [/^(GETSET|LPUSH|MSET|PFA|PSETEX|PUBLISH|RPUSH|SADD|SET|SPUBLISH|XADD|ZADD)/i, 1],
  [/^(HSET|HMSET|LSET|LINSERT)/i, 2],
  [/^(ACL|CONFIG)/i, 1],
  [
    /^(BIT|B[LRZ]|CLIENT|CLUSTER|COMMAND|DECR|DEL|EVAL|EX|FUNCTION|GEO|GET|HINCR|HMGET|HSCAN|INCR|L[TRLM]|MEMORY|P[EFISTU]|RPOP|S[CDIMORSU]|XACK|X[CDGILPRT]|Z[CDILMPRS])/i,
    -1,
  ],
]

const counts = new Map<string, number>()
// Names come from the application; a proxy could make them up.
const maxCounts = 500

function countShown(name: string): number {
  let count = counts.get(name)
  if (count === undefined) {
    count = shown.find(([pattern]) => pattern.test(name))?.[1] ?? 0
    if (counts.size < maxCounts) counts.set(name, count)
  }
  return count
}

/**
 * @example
 * printCommand('set', ['user:1', 's3cret']) // 'set user:1 [1 other arguments]'
 */
export function printCommand(name: string, args: unknown): string {
  if (!Array.isArray(args) || args.length === 0) return name
  const count = countShown(name)
  if (count === -1 || args.length <= count) return `${name} ${args.join(' ')}`
  const hidden = `[${args.length - count} other arguments]`
  return count === 0 ? `${name} ${hidden}` : `${name} ${args.slice(0, count).join(' ')} ${hidden}`
}

/** An answer of the server begins with its code: `WRONGTYPE Operation against a key ...`. */
export function recordCode(span: Span, error: unknown): void {
  const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown }
  const answered = /^[A-Z]{3,}(?= |$)/.exec(String(message))?.[0]
  if (answered !== undefined) span.setAttribute('db.response.status_code', answered)
  span.setAttribute('error.type', answered ?? String(code ?? name ?? '_OTHER'))
}
