// ioredis (the package named in IOREDIS): one connection each, opened by whichever request comes first.
const exported = require(process.env.IOREDIS)
const { mark, pause, serve } = require('./lib.cjs')
const { startRedisServer } = require('./redis-server.cjs')

const Redis = exported.default ?? exported

async function main() {
  const own = process.env.SERVER_URL ? undefined : await startRedisServer()
  const url = process.env.SERVER_URL ?? own.url
  const open = []
  const connect = options => {
    const redis = new Redis(url, options)
    redis.on('error', () => {})
    open.push(redis)
    return redis
  }
  /** A client that the first request makes. */
  const lazy = make => {
    let made
    return () => (made ??= make())
  }
  const plain = lazy(() => connect({}))
  const waiting = lazy(() => connect({ lazyConnect: true }))
  const pipelining = lazy(() => connect({ enableAutoPipelining: true }))
  const publisher = lazy(() => connect({}))
  /** Tag -> who waits for the message with it. */
  const expected = new Map()
  const subscriber = lazy(() => {
    const redis = connect({})
    redis.on('message', (_channel, tag) => {
      // Every message is somebody else's: its listener belongs to no request.
      mark(tag, 'nobody')
      expected.get(tag)?.()
    })
    return redis.subscribe('news').then(() => redis)
  })
  // A cluster of one node; a real server has to be one.
  const cluster = options =>
    lazy(() => {
      const made = new exported.Cluster([new URL(own.url).host], options)
      made.on('error', () => {}).on('ready', () => mark('ready', 'nobody'))
      open.push(made)
      return made
    })
  const clustered = cluster({})
  const pipeliningCluster = cluster({ enableAutoPipelining: true })
  const events = lazy(() => {
    const redis = connect({ lazyConnect: true })
    for (const event of ['ready', 'close', 'end']) redis.on(event, () => mark(event, 'nobody'))
    return redis
  })

  serve(
    {
      'a command': tag => plain().set(tag, '1'),
      'a callback': tag =>
        new Promise((resolve, reject) =>
          plain().set(tag, '2', error => {
            mark(tag)
            error ? reject(error) : resolve()
          }),
        ),
      'commands before the connection': tag => waiting().set(tag, '3'),
      'a pipeline': tag => plain().pipeline().set(tag, '4').get(tag).exec(),
      'a transaction': tag => plain().multi().set(tag, '5').exec(),
      'automatic pipelines': async tag => {
        await Promise.all([pipelining().set(tag, '6'), pipelining().get(tag)])
      },
      subscriptions: async tag => {
        await subscriber()
        const arrived = new Promise(resolve => expected.set(tag, resolve))
        await publisher().publish('news', tag)
        await arrived
      },
      'events of a connection': async tag => {
        await events().set(tag, '7')
      },
      'a cluster': tag => clustered().set(tag, '8'),
      'a cluster with automatic pipelines': tag => pipeliningCluster().set(tag, '9'),
    },
    async () => {
      for (const redis of open) redis.disconnect()
      await pause(50)
      own?.close()
    },
  )
}
main()
