// Where the literals of a statement are, in the dialect of its database. A hand-written scanner: linear, and each rule that
// makes dialects differ is a column of one table.

export interface Dialect {
  /** `"x"` is a string and not a name. */
  readonly doubleQuotes: 'name' | 'string'
  /** `'it\'s'` is one string. PostgreSQL has it in `E'...'` only. */
  readonly backslashes: boolean
  /** `# ...` is a comment. */
  readonly hashComments: boolean
  /** `--` begins a comment only before white space. */
  readonly dashNeedsSpace: boolean
  /** `// ...` is a comment. */
  readonly slashComments: boolean
  readonly nestedComments: boolean
  /** `$$x$$`, `$tag$x$tag$`. */
  readonly dollarQuotes: boolean
  /** `[x]` is a name. */
  readonly brackets: boolean
  /** `q'[it's]'`. */
  readonly qQuotes: boolean
}

const standard: Dialect = {
  doubleQuotes: 'name',
  backslashes: false,
  hashComments: false,
  dashNeedsSpace: false,
  slashComments: false,
  nestedComments: false,
  dollarQuotes: false,
  brackets: false,
  qQuotes: false,
}
const postgresql: Dialect = { ...standard, nestedComments: true, dollarQuotes: true }
const mysql: Dialect = {
  ...standard,
  doubleQuotes: 'string',
  backslashes: true,
  hashComments: true,
  dashNeedsSpace: true,
}
const mssql: Dialect = { ...standard, nestedComments: true, brackets: true }
const oracle: Dialect = { ...standard, qQuotes: true }
const cassandra: Dialect = { ...standard, dollarQuotes: true, slashComments: true }
// A name in double quotes that is no column is a string there.
const sqlite: Dialect = { ...standard, doubleQuotes: 'string' }

/** `db.system.name` and the older `db.system`. Others are read as PostgreSQL and as MySQL, and what either hides is hidden. */
const dialects: Readonly<Record<string, readonly Dialect[]>> = {
  postgresql: [postgresql],
  cockroachdb: [postgresql],
  redshift: [postgresql],
  'aws.redshift': [postgresql],
  mysql: [mysql],
  mariadb: [mysql],
  mssql: [mssql],
  'microsoft.sql_server': [mssql],
  oracle: [oracle],
  'oracle.db': [oracle],
  sqlite: [sqlite],
  cassandra: [cassandra],
}
const unknown: readonly Dialect[] = [postgresql, mysql]

export function findDialects(system: string | undefined): readonly Dialect[] {
  return system !== undefined && Object.hasOwn(dialects, system)
    ? (dialects[system] as readonly Dialect[])
    : unknown
}

/** `start, end, start, end, ...` of what is a literal, in order. */
export function findLiterals(sql: string, dialect: Dialect): number[] {
  const found: number[] = []
  let at = 0
  while (at < sql.length) {
    const code = sql.charCodeAt(at)
    if (isWordStart(code)) at = readWord(sql, at, dialect, found)
    else if (isDigit(code) || (code === 46 && isDigit(sql.charCodeAt(at + 1)))) {
      const end = skipNumber(sql, at)
      found.push(at, end)
      at = end
    } else if (code === 39 || (code === 34 && dialect.doubleQuotes === 'string')) {
      const end = skipString(sql, at, code, dialect.backslashes)
      found.push(at, end)
      at = end
    } else if (code === 34 || code === 96) at = skipString(sql, at, code, false)
    else if (code === 91 && dialect.brackets) at = skipString(sql, at, 93, false)
    else if (code === 36) at = readDollar(sql, at, dialect, found)
    else at = skipComment(sql, at, code, dialect, found)
  }
  return found
}

/** One list out of two: what is in either. */
export function uniteRanges(a: readonly number[], b: readonly number[]): number[] {
  const out: number[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const fromA = j >= b.length || (i < a.length && (a[i] as number) <= (b[j] as number))
    const start = (fromA ? a[i] : b[j]) as number
    const end = (fromA ? a[i + 1] : b[j + 1]) as number
    if (fromA) i += 2
    else j += 2
    const last = out.length - 1
    if (last > 0 && start < (out[last] as number)) out[last] = Math.max(out[last] as number, end)
    else out.push(start, end)
  }
  return out
}

/** A name or keyword, or the letter in front of a string: `E'x'`, `N'x'`, `U&'x'`, `q'[x]'`. */
function readWord(sql: string, start: number, dialect: Dialect, found: number[]): number {
  let at = start + 1
  while (at < sql.length && isWordPart(sql.charCodeAt(at))) at++
  const quoteAt = sql.charCodeAt(at) === 38 && at - start === 1 ? at + 1 : at
  if (sql.charCodeAt(quoteAt) !== 39 || at - start > 2) return at
  const prefix = sql.slice(start, at).toLowerCase()
  let end: number
  if (prefix === 'e') end = skipString(sql, quoteAt, 39, true)
  else if (dialect.qQuotes && (prefix === 'q' || prefix === 'nq')) end = skipQQuote(sql, quoteAt)
  else if (prefix === 'b' || prefix === 'x' || prefix === 'n' || prefix === 'u')
    end = skipString(sql, quoteAt, 39, dialect.backslashes)
  else return at
  found.push(start, end)
  return end
}

function skipQQuote(sql: string, quoteAt: number): number {
  const open = sql[quoteAt + 1] ?? ''
  const close = { '[': ']', '{': '}', '(': ')', '<': '>' }[open] ?? open
  const end = sql.indexOf(`${close}'`, quoteAt + 2)
  return end === -1 ? sql.length : end + 2
}

/** Behind the closing quote; doubled ones belong to the string. */
function skipString(sql: string, start: number, quote: number, backslashes: boolean): number {
  let at = start + 1
  while (at < sql.length) {
    const code = sql.charCodeAt(at)
    if (code === 92 && backslashes) at += 2
    else if (code !== quote) at++
    else if (sql.charCodeAt(at + 1) === quote) at += 2
    else return at + 1
  }
  return sql.length
}

function skipNumber(sql: string, start: number): number {
  let at = start
  if (sql.charCodeAt(at) === 48 && /[xXoObB]/.test(sql[at + 1] ?? '')) {
    at += 2
    while (/[\da-fA-F_]/.test(sql[at] ?? '')) at++
    return at
  }
  while (isDigit(sql.charCodeAt(at)) || sql.charCodeAt(at) === 95) at++
  if (sql.charCodeAt(at) === 46) {
    at++
    while (isDigit(sql.charCodeAt(at)) || sql.charCodeAt(at) === 95) at++
  }
  const exponent = /[eE]/.test(sql[at] ?? '') ? (/[+-]/.test(sql[at + 1] ?? '') ? at + 2 : at + 1) : 0
  if (exponent > 0 && isDigit(sql.charCodeAt(exponent))) {
    at = exponent
    while (isDigit(sql.charCodeAt(at))) at++
  }
  // `550e8400-e29b...` without quotes is a UUID in CQL, `1a2b` a word of some dialect: whatever it is, it is a value.
  while (isWordPart(sql.charCodeAt(at))) at++
  if (at - start >= 8 && sql.charCodeAt(at) === 45 && /[\da-fA-F]/.test(sql[at + 1] ?? '')) {
    while (/[\da-fA-F-]/.test(sql[at] ?? '')) at++
  }
  return at
}

/** `$1` is a parameter; `$$x$$` and `$tag$x$tag$` are strings where the dialect has them. */
function readDollar(sql: string, start: number, dialect: Dialect, found: number[]): number {
  let at = start + 1
  if (isDigit(sql.charCodeAt(at))) {
    while (isDigit(sql.charCodeAt(at))) at++
    return at
  }
  while (isWordPart(sql.charCodeAt(at)) && sql.charCodeAt(at) !== 36) at++
  if (!dialect.dollarQuotes || sql.charCodeAt(at) !== 36) return at
  const tag = sql.slice(start, at + 1)
  const end = sql.indexOf(tag, at + 1)
  const after = end === -1 ? sql.length : end + tag.length
  found.push(start, after)
  return after
}

function skipComment(sql: string, at: number, code: number, dialect: Dialect, found: number[]): number {
  const next = sql.charCodeAt(at + 1)
  let end = at
  if (code === 45 && next === 45 && !(dialect.dashNeedsSpace && sql.charCodeAt(at + 2) > 32))
    end = skipLine(sql, at)
  else if (code === 35 && dialect.hashComments) end = skipLine(sql, at)
  else if (code === 47 && next === 47 && dialect.slashComments) end = skipLine(sql, at)
  else if (code === 47 && next === 42) end = skipBlock(sql, at, dialect.nestedComments)
  if (end === at) return at + 1
  hideStringsOfComment(sql.slice(at, end), at, found)
  return end
}

/** What is commented out has its strings all the same; comments of a tracing tool (`traceparent='...'`) lose theirs too. */
function hideStringsOfComment(comment: string, start: number, found: number[]): void {
  for (let at = comment.indexOf("'"); at !== -1; ) {
    // An apostrophe of prose: `it's`.
    const close = isWordPart(comment.charCodeAt(at - 1)) ? -1 : comment.indexOf("'", at + 1)
    if (close !== -1) found.push(start + at, start + close + 1)
    at = comment.indexOf("'", close === -1 ? at + 1 : close + 1)
  }
}

function skipLine(sql: string, at: number): number {
  const end = sql.indexOf('\n', at)
  return end === -1 ? sql.length : end
}

function skipBlock(sql: string, start: number, nested: boolean): number {
  if (!nested) {
    const end = sql.indexOf('*/', start + 2)
    return end === -1 ? sql.length : end + 2
  }
  let depth = 1
  let at = start + 2
  while (at < sql.length && depth > 0) {
    const code = sql.charCodeAt(at)
    const next = sql.charCodeAt(at + 1)
    if (code === 42 && next === 47) {
      depth--
      at += 2
    } else if (code === 47 && next === 42) {
      depth++
      at += 2
    } else at++
  }
  return Math.min(at, sql.length)
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code > 127
}

function isWordPart(code: number): boolean {
  return isWordStart(code) || isDigit(code) || code === 36
}
