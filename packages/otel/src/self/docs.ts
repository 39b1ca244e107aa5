// docs/errors.md, made of the table of codes. `UPDATE_DOCS=1` with the test beside this file writes it.
import { codes } from './codes.ts'

export function renderErrorsPage(): string {
  const out = [
    '# Messages',
    '',
    '<!-- Generated from packages/otel/src/self/codes.ts. Change the table, then run the test of self/docs.ts with UPDATE_DOCS=1. -->',
    '',
    'Everything we say goes to stderr, once, as `[otel] CODE what: why; what was done`. Codes are stable and never reused.',
    '`OTEL_LOG_LEVEL` decides how much is said (`info` unless set). Nothing here ends or changes the application.',
    '',
    '| code | level | what happened | what to do |',
    '|---|---|---|---|',
  ]
  for (const row of [...codes].sort((a, b) => (a.code < b.code ? -1 : 1))) {
    out.push(`| \`${row.code}\` | ${row.level} | ${row.says} | ${row.action} |`)
  }
  out.push('')
  return out.join('\n')
}
