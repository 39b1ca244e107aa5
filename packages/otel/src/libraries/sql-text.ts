// What a span may say of an SQL statement: its first word, and its text with `?` for every literal (reliability S-01).

/** Longer statements are cut: bulk inserts of megabytes say nothing that their beginning does not. */
const maxLength = 32_768
const maxRemembered = 500
const maxRememberedLength = 4_096

export type SqlDialect = 'postgresql' | 'mysql'

// In the server's order of precedence. `kept`: quoted names, comments, parameters; words are kept as well. Replaced: what
// remains.
const postgresql = [
  /(?<kept>"[^"]*(?:""[^"]*)*(?:"|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\$\d+)/,
  /[eE]'[^'\\]*(?:(?:''|\\[\s\S])[^'\\]*)*(?:'|\\?$)/, // string with escapes
  /(?:[bBxXnN]|[uU]&)?'[^']*(?:''[^']*)*(?:'|$)/, // string, bits, bytes
  /\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?(?:\$\k<tag>\$|$)/, // dollar-quoted
  /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
  /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/, // number
]

// MySQL and MariaDB with their default SQL mode. Double quotes are a string, which hides too much under ANSI_QUOTES and never
// too little. A comment that begins with `!` is code: only its beginning is kept.
const mysql = [
  /(?<kept>`[^`]*(?:``[^`]*)*(?:`|$)|--(?=\s|$)[^\n]*|#[^\n]*|\/\*M?!\d*|\/\*[\s\S]*?(?:\*\/|$))/,
  /[bBxXnN]?'[^'\\]*(?:(?:''|\\[\s\S])[^'\\]*)*(?:'|\\?$)/, // string, bits, bytes
  /"[^"\\]*(?:(?:""|\\[\s\S])[^"\\]*)*(?:"|\\?$)/, // string
  /(?<word>[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*)/,
  /0x[\da-fA-F]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/, // number
]

function join(parts: readonly RegExp[]): RegExp {
  return new RegExp(parts.map(({ source }) => source).join('|'), 'g')
}

const tokens: Readonly<Record<SqlDialect, RegExp>> = { postgresql: join(postgresql), mysql: join(mysql) }

/**
 * @example
 * redactLiterals("SELECT * FROM users WHERE email = 'a@b.example' AND age > 30 AND id = $1")
 * // 'SELECT * FROM users WHERE email = ? AND age > ? AND id = $1'
 */
export function redactLiterals(sql: string, dialect: SqlDialect = 'postgresql'): string {
  return cut(sql).replace(tokens[dialect], (token, ...rest) => {
    const { kept, word } = rest.at(-1) as { kept?: string; word?: string }
    return kept !== undefined || word !== undefined ? token : '?'
  })
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
  private readonly dialect: SqlDialect
  private redactedText: string | undefined
  private database: string | undefined
  private spanName = ''

  constructor(sql: string, dialect: SqlDialect) {
    this.text = cut(sql)
    this.dialect = dialect
    this.verb = readVerb(this.text)
    this.operation = this.verb.toUpperCase()
  }

  get redacted(): string {
    return (this.redactedText ??= redactLiterals(this.text, this.dialect))
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
  private readonly dialect: SqlDialect

  constructor(dialect: SqlDialect) {
    this.dialect = dialect
  }

  get size(): number {
    return this.known.size
  }

  find(sql: string): Statement {
    let statement = this.known.get(sql)
    if (statement === undefined) {
      statement = new Statement(sql, this.dialect)
      if (sql.length <= maxRememberedLength) {
        if (this.known.size >= maxRemembered) this.known.clear()
        this.known.set(sql, statement)
      }
    }
    return statement
  }
}
