import { createRequire } from 'node:module'
import { printCommand } from './redis-text.ts'

// A dependency of upstream's instrumentation.
const upstream = createRequire(require.resolve('@opentelemetry/instrumentation-ioredis'))
const { defaultDbStatementSerializer } = upstream('@opentelemetry/redis-common')

const commands = [
  'get', 'GET', 'set', 'setex', 'mset', 'hset', 'hmset', 'hgetall', 'lpush', 'lset', 'eval', 'echo', 'auth', 'acl',
  'config', 'publish', 'subscribe', 'xadd', 'zadd', 'zrange', 'del', 'ping', 'foo', 'incrby', 'expire', 'getset',
] // biome-ignore format: one table
const args = [[], ['k'], ['k', 'v'], ['k', 'f', 'v'], [Buffer.from('k'), 1, ['a', 'b']]]

it.each(commands)('%s is printed as upstream prints it, with any arguments', name => {
  for (const list of args)
    expect(printCommand(name, list)).toBe(defaultDbStatementSerializer(name, [...list]))
})

it('what is no list of arguments is not printed', () => {
  expect(printCommand('get', undefined)).toBe('get')
})
