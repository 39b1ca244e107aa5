// Two calls are "the same" when only their values differ: that is what makes an N+1 visible.
import type { Span } from '../store/record.ts'

export interface Fingerprint {
  /** Equal for calls that differ in values only. */
  readonly key: string
  /** Short, for a person: `SELECT … accounts`, `GET fraud:3000/check/?`. */
  readonly label: string
  /** `pg`, `redis`, `http`, ... */
  readonly system: string
}

const systemNames: Record<string, string> = {
  postgresql: 'pg',
  'microsoft.sql_server': 'mssql',
  mssql: 'mssql',
  'aws.dynamodb': 'dynamodb',
}

/** What the span calls, or undefined when it is not a call to a database or over HTTP. */
export function fingerprint(span: Span): Fingerprint | undefined {
  if (span.kind !== 'client') return undefined
  const { attributes } = span
  const text = (...keys: string[]) => {
    for (const key of keys) if (typeof attributes[key] === 'string') return attributes[key]
    return undefined
  }
  const database = text('db.system.name', 'db.system')
  if (database !== undefined) {
    const system = systemNames[database] ?? database
    const statement = text('db.query.text', 'db.statement')
    if (statement === undefined) {
      // Without a statement only a named operation says what it does; a pool checkout does not repeat a query.
      const operation = text('db.operation.name', 'db.operation')
      return operation === undefined ? undefined : { key: `${system} ${span.name}`, label: span.name, system }
    }
    const shape = normalizeStatement(statement)
    return { key: `${system} ${shape}`, label: summarize(shape), system }
  }
  const method = text('http.request.method', 'http.method')
  if (method !== undefined) {
    const url = text('url.full', 'http.url') ?? ''
    const path = text('url.template', 'http.route') ?? normalizePath(url)
    const host = `${text('server.address', 'net.peer.name') ?? ''}:${attributes['server.port'] ?? ''}`
    return { key: `${method} ${host} ${path}`, label: `${method} ${host}${path}`, system: 'http' }
  }
  return undefined
}

/** Values become `?`, lists of values one `?`, white space one blank. */
export function normalizeStatement(statement: string): string {
  return statement
    .slice(0, 4096)
    .replace(/\/\*[\s\S]*?\*\/|--[^\n]*/g, ' ')
    .replace(/'(?:[^']|'')*'/g, '?')
    .replace(/\$\d+|:\w+\b|@\w+|\b\d+(?:\.\d+)?\b/g, '?')
    .replace(/\(\s*\?(?:\s*,\s*\?)*\s*\)/g, '(?)')
    .replace(/\s+/g, ' ')
    .trim()
}

/** `SELECT … accounts` out of `SELECT balance FROM accounts WHERE id = ?`. */
function summarize(shape: string): string {
  const verb = /^\w+/.exec(shape)?.[0]?.toUpperCase() ?? ''
  const table = /\b(?:from|into|update|join|table)\s+["'`[]?([\w.]+)/i.exec(shape)?.[1]
  return table === undefined ? shape.slice(0, 60) : `${verb} … ${table}`
}

function normalizePath(url: string): string {
  let path = url
  try {
    path = new URL(url).pathname
  } catch {
    path = url.split('?', 1)[0]!
  }
  return path
    .split('/')
    .map(part => (/^(?:\d+|[0-9a-f-]{16,}|\w*\d\w*\d\w*)$/i.test(part) ? '?' : part))
    .join('/')
}
