import { claimProcess, readRegistry } from './once.ts'

const key = Symbol.for('org.otel')
afterEach(() => {
  delete (globalThis as any)[key]
})

test('the first of the process claims it, every other copy learns who it was', () => {
  const mine = claimProcess('1.0.0', '/app/a.js')!
  expect(mine.state).toBe('starting')
  expect(claimProcess('2.0.0', '/app/b.js')).toBeUndefined()
  expect(readRegistry()).toMatchObject({ version: '1.0.0', from: '/app/a.js' })
  mine.state = 'started'
  expect(claimProcess('1.0.0', '/app/a.js')).toBeUndefined()
})

test.each(['stopped', 'failed'] as const)('after it has %s, somebody may start again', state => {
  claimProcess('1.0.0', 'a')!.state = state
  expect(claimProcess('1.0.1', 'b')).toMatchObject({ version: '1.0.1', state: 'starting' })
})

test('it does not show up where objects are listed', () => {
  claimProcess('1.0.0', 'a')
  expect(Object.keys(globalThis)).not.toContain(String(key))
  expect(Object.prototype.propertyIsEnumerable.call(globalThis, key)).toBe(false)
})

test.each([null, 5, 'x', {}])('a foreign value %j under our symbol is nobody', value => {
  ;(globalThis as any)[key] = value
  expect(readRegistry()).toBeUndefined()
  expect(claimProcess('1.0.0', 'a')).toBeDefined()
})
