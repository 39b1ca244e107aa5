// Messages and stack traces of errors: what any text may hide, e-mail addresses and card numbers, and the data that databases
// and their drivers quote: the value that was no integer, the key that existed already, the whole statement.
import { redactPersonal } from './personal.ts'
import type { SecretKeys } from './secret-key.ts'
import { findHidden, redactLiterals } from './sql-text.ts'
import { tally } from './tally.ts'
import { redactText } from './text.ts'

/**
 * Quoted data in the messages of databases. One quantifier over one class at a time, each bounded or up to a delimiter that
 * cannot be in it: linear. `$1` stays.
 */
const quoting: readonly (readonly [RegExp, string])[] = [
  // PostgreSQL: Key (email)=(a@b) already exists; Failing row contains (1, a@b).
  [/(\bKey \([^()]{1,256}\)=\()[^\n]{1,4096}?(?=\) (?:already|is not|is still|conflicts|would)|$)/g, '$1?'],
  [/(\bFailing row contains \()[^\n]{1,8192}/g, '$1?)'],
  // invalid input syntax for type integer: "a@b"; value "9999" is out of range; date/time field value out of range: "x".
  [
    /(\b(?:invalid|malformed|out of range|unrecognized|unterminated|incorrect|illegal)\b[^"\n]{0,160}: )"[^\n]{1,4096}"/gi,
    '$1?',
  ],
  [/(\b(?:value|token|string|date|time|timestamp|uuid|number|literal) )"[^"\n]{1,4096}"/gi, '$1?'],
  [/(\bat or near )"[^"\n]{1,4096}"/g, '$1?'],
  // MySQL: Duplicate entry 'a@b' for key 'users.email'; Incorrect integer value: 'x' for column 'n'; ... near 'x' at line 1.
  [/(\bDuplicate entry )'[^\n]{1,4096}?'(?= for key|$)/g, '$1?'],
  [
    /(\b(?:value|near|truncated)[^'\n]{0,40}[: ])'[^\n]{1,8192}?'(?= for (?:column|function)| at (?:line|row)|$)/gim,
    '$1?',
  ],
  [/(\bData truncated[^'\n]{0,40}|\bData too long[^'\n]{0,40})'[^'\n]{1,4096}'/g, '$1?'],
  // SQL Server: The duplicate key value is (a@b). Conversion failed when converting the varchar value 'x' to data type int.
  [/(\bduplicate key value is \()[^\n]{1,4096}?(?=\)\.|$)/gi, '$1?'],
  // MongoDB: E11000 duplicate key error collection: shop.users index: email_1 dup key: { email: "a@b" }.
  [/(\bdup key: )\{[^\n]{1,4096}\}/g, '$1{ ? }'],
  // SQLite and others: no such column: x is a name and stays. drizzle: Failed query: ... params: a@b,1.
  [/(\bparams: )[^\n]{1,8192}/g, '$1?'],
  // GraphQL: Int cannot represent non-integer value: "x"; Expected value of type "Int!", found "x".
  [/(\b(?:non-\w+ value|cannot represent[^:"\n]{0,60}): )[^\n]{1,4096}/g, '$1?'],
  [/(\bfound )"[^"\n]{1,4096}"/g, '$1?'],
  [/(\bgot invalid value )[^\n]{1,4096}?(?= at "|; |$)/g, '$1?'],
]

// A message that begins with a statement is knex's, TypeORM's, Sequelize's or a driver's that repeats what it was given.
const statement =
  /^(?:\w{0,40}(?:error|exception): )?(?:Failed query: |Query failed: |Error executing query: )?(?:select\s|insert\s+(?:ignore\s+)?into\s|update\s\S{1,200}\s+set\s|delete\s+from\s|replace\s+into\s|merge\s+into\s|with\s+\S{1,200}\s+as\s|call\s\S|exec(?:ute)?\s\S|create\s|alter\s|drop\s|truncate\s|grant\s|set\s+(?:password|session|global))/i

// Longer ones are cut: bulk inserts that a driver repeats in its message.
const maxHead = 65_536

/** `system`: the database of the span that the error is on. */
export function redactError(text: string, keys: SecretKeys, system?: string): string {
  // Frames have no data; the message above them may have line breaks of its own.
  const frames = text.indexOf('\n    at ')
  const headEnd = frames === -1 ? text.length : frames
  const head = text.slice(0, Math.min(headEnd, maxHead))
  const clean = redactPersonal(redactText(redactQuoted(redactStatement(head, system), system), keys))
  const rest = text.slice(headEnd)
  const cleanRest = rest === '' ? '' : redactText(rest, keys)
  return clean === head && cleanRest === rest && headEnd <= maxHead ? text : clean + cleanRest
}

function redactStatement(head: string, system: string | undefined): string {
  if (!statement.test(head)) return head
  const end = findStatementEnd(head, system)
  const sql = head.slice(0, end)
  const clean = redactLiterals(sql, system)
  if (clean !== sql) tally.statement++
  return clean + head.slice(end)
}

/** knex: `<statement> - <message of the driver>`; a dash inside of a literal separates nothing. */
function findStatementEnd(head: string, system: string | undefined): number {
  const ranges = findHidden(head, system)
  let last = -1
  for (let at = head.indexOf(' - '), i = 0; at !== -1; at = head.indexOf(' - ', at + 3)) {
    while (i < ranges.length && (ranges[i + 1] as number) <= at) i += 2
    if (i >= ranges.length || (ranges[i] as number) > at) last = at
  }
  return last === -1 ? head.length : last
}

function redactQuoted(head: string, system: string | undefined): string {
  let text = head
  if (text.includes('"') || text.includes("'") || text.includes('(') || text.includes(': '))
    for (const [pattern, shown] of quoting) text = text.replace(pattern, shown)
  // On the span of a database what stands in single quotes is data more often than a name.
  if (system !== undefined && text.includes("'")) text = text.replace(singleQuoted, hideQuoted)
  if (text !== head) tally.statement++
  return text
}

const singleQuoted = /(\w{0,20} ?)'([^'\n]{1,4096})'/g
const named =
  /(?:column|table|key|index|database|schema|relation|constraint|function|procedure|user|clause|in|collection) $/i

function hideQuoted(whole: string, before: string, inside: string): string {
  return named.test(before) && /^[\w.$ ]{1,64}$/.test(inside) ? whole : `${before}?`
}
