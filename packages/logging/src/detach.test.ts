// What was patched is given back at stop, and is as it was.
import { loggingHooks } from './hooks.ts'

test('stop gives back every prototype and the console, and a second start takes them again', () => {
  const pino = Object.getPrototypeOf(require('pino/lib/proto')())
  const winston = require('winston/lib/winston/logger').prototype
  const bunyan = require('bunyan').prototype
  const look = () => [
    ...[pino, winston, bunyan].map(prototype => Object.getOwnPropertyDescriptors(prototype)),
    Object.getOwnPropertyDescriptors(console),
  ]
  const before = look()
  for (let round = 0; round < 2; round++) {
    const hooks = loggingHooks({ console: 'append' })
    const exports: Record<string, unknown> = {
      pino: require('pino/lib/proto'),
      winston: require('winston/lib/winston/logger'),
      bunyan: require('bunyan'),
    }
    hooks.start()
    for (const { name, patch } of hooks.modules)
      expect(patch(exports[name], { version: '0' })).toBe(exports[name])
    look().forEach((taken, i) => {
      expect(taken).not.toEqual(before[i])
    })
    hooks.stop()
    expect(look()).toEqual(before)
  }
})
