import { LeanTraceState, parseTraceState } from './trace-state.ts'

const printed = (header: string) => parseTraceState(header)?.serialize()
const members = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=${i}`).join(',')

// Cases written from W3C Trace Context level 2, section 3.3.
test.each([
  ['one member', 'foo=1', 'foo=1'],
  ['order is kept', 'foo=1,bar=2', 'foo=1,bar=2'],
  ['blanks around members', 'foo=1 \t , \t bar=2, \t baz=3', 'foo=1,bar=2,baz=3'],
  ['empty members are skipped', 'foo=1,,  ,bar=2,', 'foo=1,bar=2'],
  ['a tenant key', 't@v=1', 't@v=1'],
  ['a key ending in an at sign', 'foo@=1,bar=2', 'foo@=1,bar=2'],
  ['a key starting with a digit', '0a=1', '0a=1'],
  ['a space inside a value', 'foo=a b', 'foo=a b'],
  ['the first of a repeated key stays', 'foo=1,bar=2,foo=3', 'foo=1,bar=2'],
  ['the longest key', `${'k'.repeat(256)}=1`, `${'k'.repeat(256)}=1`],
  ['the longest value', `k=${'v'.repeat(256)}`, `k=${'v'.repeat(256)}`],
  ['32 members', members(32), members(32)],
])('%s', (_, header, expected) => {
  expect(printed(header)).toBe(expected)
})

test.each([
  ['nothing', ''],
  ['only commas and blanks', ' , ,\t,'],
  ['a 33rd member', members(33)],
  ['no equals sign', 'foo'],
  ['no key', '=1'],
  ['no value', 'foo=,bar=3'],
  ['an equals sign in a value', 'foo=bar=baz'],
  ['an upper-case key', 'FOO=1'],
  ['a dot in a key', 'foo.bar=1'],
  ['a blank before the equals sign', 'foo =1'],
  ['a key starting with an at sign', '@foo=1'],
  ['a key that is too long', `${'k'.repeat(257)}=1`],
  ['a value that is too long', `k=${'v'.repeat(257)}`],
  ['a control character', 'foo=a\u0001b'],
  ['a line feed', 'foo=a\r\nevil: 1'],
  ['a character above ASCII', 'foo=é'],
  ['one bad member among good ones', 'good=1,BAD=2,good2=3'],
])('%s discards the whole header', (_, header) => {
  expect(parseTraceState(header)).toBeUndefined()
})

test('a member that is set goes to the front, replacing the one with its key', () => {
  const state = parseTraceState('a=1,b=2') as LeanTraceState
  expect(state.set('c', '3').serialize()).toBe('c=3,a=1,b=2')
  expect(state.set('b', '9').serialize()).toBe('b=9,a=1')
  expect(state.unset('a').serialize()).toBe('b=2')
  expect(state.serialize()).toBe('a=1,b=2')
  expect(state.get('b')).toBe('2')
})

test('setting a 33rd member loses the last one', () => {
  const state = (parseTraceState(members(32)) as LeanTraceState).set('new', '1')
  expect(state.serialize().startsWith('new=1,k0=0,')).toBe(true)
  expect(state.get('k31')).toBeUndefined()
})

test('an illegal key or value changes nothing', () => {
  const state = new LeanTraceState([['a', '1']])
  expect(state.set('A', '1')).toBe(state)
  expect(state.set('b', 'x\ny')).toBe(state)
  expect(state.set('b', 7 as never)).toBe(state)
})

test('beyond 512 characters long members go first, then the last ones', () => {
  const long = 'v'.repeat(200)
  const header = `a=1,long=${long},${Array.from({ length: 20 }, (_, i) => `m${i}=${'x'.repeat(25)}`).join(',')}`
  const text = printed(header) as string
  expect(text.length).toBeLessThanOrEqual(512)
  expect(text.startsWith('a=1,m0=')).toBe(true)
  expect(text).not.toContain('long=')
  expect(text).not.toContain('m19=')
})
