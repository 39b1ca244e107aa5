// What a span may say of an SQL statement: its first word, and its text with `?` for every literal (reliability S-01).
import { findDialects, findLiterals, uniteRanges } from './sql-scan.ts'

/** Longer statements are cut: bulk inserts of megabytes say nothing that their beginning does not. */
const maxLength = 32_768
const maxRemembered = 500
const maxRememberedLength = 4_096

/**
 * `system`: `db.system.name` or `db.system`. Databases differ on double quotes and backslashes; without it, what PostgreSQL
 * or MySQL would read as a literal is hidden.
 *
 * @example
 * redactLiterals("SELECT * FROM users WHERE email = 'a@b.example' AND age > 30 AND id = $1", 'postgresql')
 * // 'SELECT * FROM users WHERE email = ? AND age > ? AND id = $1'
 */
export function redactLiterals(sql: string, system?: string): string {
  const text = cut(sql)
  const ranges = findHidden(text, system)
  let out = ''
  let copied = 0
  for (let i = 0; i < ranges.length; i += 2) {
    out += `${text.slice(copied, ranges[i])}?`
    copied = ranges[i + 1] as number
  }
  return copied === 0 ? text : out + text.slice(copied)
}

/** `start, end, start, end, ...` */
export function findHidden(sql: string, system?: string): number[] {
  let ranges: number[] = []
  for (const dialect of findDialects(system)) {
    const found = findLiterals(sql, dialect)
    ranges = ranges.length === 0 ? found : uniteRanges(ranges, found)
  }
  return ranges
}

/** `select` of `  /* list *\/ (select * from users)`. Letters only: what follows may be a literal. */
function readVerb(sql: string): string {
  return /^(?:[\s(;]|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([A-Za-z]*)/.exec(sql)?.[1] ?? ''
}

/** `SELECT` of `  /* list *\/ select * from users`. */
export function readOperation(sql: string): string {
  return readVerb(sql).toUpperCase()
}

function cut(sql: string): string {
  return sql.length > maxLength ? sql.slice(0, maxLength) : sql
}

export class Statement {
  /** The first word as it was written, and in upper case. */
  readonly verb: string
  readonly operation: string
  readonly text: string
  private readonly system: string | undefined
  private redactedText: string | undefined
  private database: string | undefined
  private spanName = ''

  constructor(sql: string, system?: string) {
    this.system = system
    this.text = cut(sql)
    this.verb = readVerb(this.text)
    this.operation = this.verb.toUpperCase()
  }

  get redacted(): string {
    return (this.redactedText ??= redactLiterals(this.text, this.system))
  }

  /** Upstream's name of the span, made once as long as the database is the same one. */
  nameIn(database: string | undefined): string {
    if (this.spanName === '' || database !== this.database) {
      this.database = database
      this.spanName = `pg.query:${this.operation}${database ? ` ${database}` : ''}`
    }
    return this.spanName
  }
}

/** Statements as they were read before: most of a service's are the same few texts. Bounded. */
export class Statements {
  private readonly known = new Map<string, Statement>()
  private readonly system: string | undefined

  constructor(system?: string) {
    this.system = system
  }

  get size(): number {
    return this.known.size
  }

  find(sql: string): Statement {
    let statement = this.known.get(sql)
    if (statement === undefined) {
      statement = new Statement(sql, this.system)
      if (sql.length <= maxRememberedLength) {
        if (this.known.size >= maxRemembered) this.known.clear()
        this.known.set(sql, statement)
      }
    }
    return statement
  }
}
