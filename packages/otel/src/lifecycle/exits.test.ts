// What can be seen from inside; how processes really end is in test/e2e/exits.test.ts.
import { attachExits } from './exits.ts'

const idle = {
  endInFlight() {},
  flush: async () => {},
  lastWords() {},
  sayUnsent() {},
  deadlineMs: 10,
  lastWordsMs: 10,
}
const watched = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'beforeExit',
  'exit',
  'newListener',
  'removeListener',
] as const
const counts = () => watched.map(event => process.listenerCount(event as any))
const tick = () => new Promise(resolve => setImmediate(resolve))

test('detaching leaves nothing behind', () => {
  const before = counts()
  attachExits(idle)()
  expect(counts()).toEqual(before)
})

test('events that change what Node does are not listened to', () => {
  const before = [process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection')]
  const detach = attachExits(idle)
  expect([process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection')]).toEqual(
    before,
  )
  detach()
})

test('when the program listens to a signal, it finds itself alone; when it stops, we are back', async () => {
  const detach = attachExits(idle)
  expect(process.listenerCount('SIGHUP')).toBe(1)
  const own = () => {}
  process.on('SIGHUP', own)
  await tick()
  expect(process.listeners('SIGHUP')).toEqual([own])
  process.removeListener('SIGHUP', own)
  expect(process.listenerCount('SIGHUP')).toBe(1)
  process.removeAllListeners('SIGHUP')
  expect(process.listenerCount('SIGHUP')).toBe(1)
  detach()
  expect(process.listenerCount('SIGHUP')).toBe(0)
})

test('a program that listened before we came is left alone', () => {
  const own = () => {}
  process.on('SIGHUP', own)
  const detach = attachExits(idle)
  expect(process.listeners('SIGHUP')).toEqual([own])
  detach()
  process.removeListener('SIGHUP', own)
})

test('a listener of exit that comes later is still called before ours', async () => {
  const order: string[] = []
  const detach = attachExits({ ...idle, lastWords: () => void order.push('last words') })
  const before = process.listeners('exit').length
  const own = () => void order.push('program')
  process.on('exit', own)
  await tick()
  for (const listener of process.listeners('exit').slice(before - 1)) (listener as any)(0)
  expect(order).toEqual(['program', 'last words'])
  process.removeListener('exit', own)
  detach()
})
