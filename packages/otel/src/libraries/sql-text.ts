// What a span may say of an SQL statement: its first word, and its text with `?` for every literal (reliability S-01).

/** Longer statements are cut: bulk inserts of megabytes say nothing that their beginning does not. */
const maxLength = 32_768
const maxRemembered = 500
const maxRememberedLength = 4_096

// In PostgreSQL's order of precedence. Kept: quoted names, comments, parameters, words. Replaced: what remains.
const tokens = new RegExp(
  [
    /("[^"]*(?:""[^"]*)*(?:"|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\$\d+)/, // kept
    /[eE]'[^'\\]*(?:(?:''|\\[\s\S])[^'\\]*)*(?:'|\\?$)/, // string with escapes
    /(?:[bBxXnN]|[uU]&)?'[^']*(?:''[^']*)*(?:'|$)/, // string, bits, bytes
    /\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?(?:\$\k<tag>\$|$)/, // dollar-quoted
    /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/, // kept
    /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/, // number
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
)

/**
 * @example
 * redactLiterals("SELECT * FROM users WHERE email = 'a@b.example' AND age > 30 AND id = $1")
 * // 'SELECT * FROM users WHERE email = ? AND age > ? AND id = $1'
 */
export function redactLiterals(sql: string): string {
  return cut(sql).replace(tokens, (token, kept: string | undefined, ...rest) => {
    const groups = rest.at(-1) as { word?: string }
    return kept !== undefined || groups.word !== undefined ? token : '?'
  })
}

/** `SELECT` of `  /* list *\/ select * from users`; upper case, without a final semicolon. */
export function readOperation(sql: string): string {
  const word = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*(\S*)/.exec(sql)?.[1] ?? ''
  const operation = word.toUpperCase()
  return operation.endsWith(';') ? operation.slice(0, -1) : operation
}

function cut(sql: string): string {
  return sql.length > maxLength ? sql.slice(0, maxLength) : sql
}

export class Statement {
  readonly operation: string
  readonly text: string
  private redactedText: string | undefined
  private database: string | undefined
  private spanName = ''

  constructor(sql: string) {
    this.text = cut(sql)
    this.operation = readOperation(this.text)
  }

  get redacted(): string {
    return (this.redactedText ??= redactLiterals(this.text))
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

  get size(): number {
    return this.known.size
  }

  find(sql: string): Statement {
    let statement = this.known.get(sql)
    if (statement === undefined) {
      statement = new Statement(sql)
      if (sql.length <= maxRememberedLength) {
        if (this.known.size >= maxRemembered) this.known.clear()
        this.known.set(sql, statement)
      }
    }
    return statement
  }
}
