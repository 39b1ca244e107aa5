// node-redis (the package named in REDIS): one connection each, opened by whichever request comes first.
const { createClient, createClientPool } = require(process.env.REDIS)
const { mark, serve } = require('./lib.cjs')
const { startRedisServer } = require('./redis-server.cjs')

async function main() {
  const own = process.env.SERVER_URL ? undefined : await startRedisServer()
  const url = process.env.SERVER_URL ?? own.url
  // The own server speaks the older protocol only.
  const options = own && process.env.REDIS === 'redis' ? { url, RESP: 2 } : { url }
  const open = []
  /** A connected client that the first request makes. */
  const lazy = (listen = () => {}, isOwn = false) => {
    let made
    return () => {
      if (made === undefined) {
        const client = createClient(options)
        client.on('error', () => {})
        listen(client)
        open.push(client)
        made = client.connect().then(() => client)
        if (isOwn) made = Promise.resolve(client)
      }
      return made
    }
  }
  const plain = lazy()
  const publisher = lazy()
  // Commands are sent before `connect()` has settled.
  const waiting = lazy(() => {}, true)
  const events = lazy(client => {
    for (const event of ['connect', 'ready']) client.on(event, () => mark(event, 'nobody'))
  })
  /** Tag -> who waits for the message with it. */
  const expected = new Map()
  let subscribed
  const subscriber = lazy()
  const subscribe = () =>
    (subscribed ??= subscriber().then(client =>
      client.subscribe('news', tag => {
        // Every message is somebody else's: its listener belongs to no request.
        mark(tag, 'nobody')
        expected.get(tag)?.()
      }),
    ))
  let pool
  const pooled = () => {
    if (pool === undefined) {
      const made = createClientPool(options, { minimum: 1, maximum: 2 })
      made.on('error', () => {})
      open.push(made)
      pool = made.connect().then(() => made)
    }
    return pool
  }
  let emptyPool
  const unconnected = () => {
    if (emptyPool === undefined) {
      const made = createClient({ ...options, isolationPoolOptions: { max: 2 } })
      made.on('error', () => {})
      open.push(made)
      emptyPool = made.connect().then(() => made)
    }
    return emptyPool
  }

  serve(
    {
      'a command': async tag => (await plain()).set(tag, '1'),
      'commands before the connection': async tag => (await waiting()).set(tag, '2'),
      'a transaction': async tag => (await plain()).multi().set(tag, '3').get(tag).exec(),
      'commands at once': async tag => {
        const client = await plain()
        await Promise.all([client.set(tag, '4'), client.get(tag)])
      },
      subscriptions: async tag => {
        await subscribe()
        const arrived = new Promise(resolve => expected.set(tag, resolve))
        await (await publisher()).publish('news', tag)
        await arrived
      },
      'events of a connection': async tag => (await events()).set(tag, '5'),
      createClientPool: async tag => (await pooled()).set(tag, '6'),
      'createClientPool, execute': async tag =>
        (await pooled()).execute(async client => {
          mark(tag)
          await client.set(tag, '7')
        }),
      executeIsolated: async tag =>
        (await unconnected()).executeIsolated(async client => {
          mark(tag)
          await client.set(tag, '8')
        }),
    },
    async () => {
      await Promise.all(open.map(client => (client.destroy ?? client.disconnect).call(client)))
      own?.close()
    },
  )
}
main()
