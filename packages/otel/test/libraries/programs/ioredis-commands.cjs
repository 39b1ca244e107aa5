'use strict'
const { inSpan, mark } = require('./lib.cjs')
const port = Number(process.env.TEST_REDIS_PORT)

const failure = error => [error.name, error.message]

module.exports = major => async () => {
  const Redis = require(major === 5 ? 'ioredis5' : 'ioredis')
  const out = []
  const run = (name, fn) => inSpan(name, async () => out.push([name, await fn()]))
  const redis = new Redis({ port, host: '127.0.0.1' })
  await redis.flushall()

  await run('set', () => redis.set('user:1', 's3cret'))
  await run('get', () => redis.get('user:1'))
  await run('get nothing', () => redis.get('nobody'))
  await run('expire', () => redis.set('user:2', 's3cret', 'EX', 10))
  await run('hash', () => redis.hset('h', { name: 'ann', token: 's3cret' }))
  await run('hash all', () => redis.hgetall('h'))
  await run('many', () => redis.mset('a', '1', 'b', '2'))
  await run('numbers', () => redis.incrby('count', 3))
  await run('buffer', () => redis.getBuffer('a').then(String))
  await run('echo', () => redis.echo('s3cret'))
  await run('unknown', () => redis.call('OBJECT', 'ENCODING', 'a'))
  await run('no arguments', () => redis.ping())
  await run('script', () => redis.eval('return redis.call("get", KEYS[1])', 1, 'a'))
  await run('wrong type', () => redis.lpush('a', 'x').catch(failure))
  await run(
    'callback',
    () =>
      new Promise(resolve =>
        redis.get('b', (error, value) => {
          mark('in callback')
          resolve([error, value])
        }),
      ),
  )
  await run('pipeline', () => redis.pipeline().get('a').set('c', '3').lpush('a', 'x').exec().then(String))
  await run('transaction', () => redis.multi().get('a').incr('count').exec())
  await run('single transaction', async () => {
    await redis.multi({ pipeline: false })
    await redis.get('a')
    return redis.exec()
  })
  await run('all at once', () => Promise.all([redis.get('a'), redis.get('b')]))
  await run('unhandled', async () => {
    const unhandled = new Promise(resolve =>
      process.once('unhandledRejection', error => resolve(failure(error))),
    )
    redis.lpush('b', 'x')
    return unhandled
  })
  out.push(['outside of a trace', await redis.get('a')])
  await redis.quit()
  await run('closed', () => redis.get('a').catch(failure))

  // The command waits for a connection that is opened for it.
  const lazy = new Redis({ port, host: '127.0.0.1', lazyConnect: true })
  await run('lazy', () => lazy.get('a'))
  lazy.disconnect()
  const explicit = new Redis({ port, host: '127.0.0.1', lazyConnect: true })
  await run('connect', () => explicit.connect().then(String))
  explicit.disconnect()
  const refused = new Redis({ port: 1, host: '127.0.0.1', lazyConnect: true, retryStrategy: null })
  refused.on('error', () => {})
  await run('refused', () => refused.connect().catch(error => error.message))

  const { sendCommand, connect } = Redis.prototype
  out.push([sendCommand.name, sendCommand.length, connect.name, connect.length])
  return out
}
