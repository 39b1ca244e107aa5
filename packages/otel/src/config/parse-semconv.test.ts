import { parseSemconv } from './parse-semconv.ts'

test.each([
  ['', []],
  ['http', ['http']],
  ['http/dup, database/dup', ['http/dup', 'database/dup']],
  [' HTTP/DUP ,http/dup,messaging', ['http/dup', 'messaging']],
])('%j is %j', (text, value) => {
  expect(parseSemconv(text)).toEqual({ value })
})

test.each([
  ['http/old', 'http/dup gives the old names beside the stable ones'],
  ['http/', 'http/dup gives the old names'],
  ['db/dup', 'did you mean database or database/dup?'],
  ['htpp/dup', 'did you mean http or http/dup?'],
  ['datbase', 'did you mean database or database/dup?'],
  ['kafka', 'did you mean messaging or messaging/dup?'],
  ['rpc/dup', 'these conventions have one form here'],
  ['gen_ai_latest_experimental', 'these conventions have one form here'],
  ['constructor', 'expected http, http/dup, database, database/dup, messaging, messaging/dup'],
])('%j has no effect, is said, and the others apply', (text, meant) => {
  expect(parseSemconv(`database,${text}`)).toEqual({
    value: ['database'],
    faults: [expect.stringContaining(meant)],
  })
})
