// cassandra-driver with one connection.
const { Client } = require('cassandra-driver')
const { mark, serve } = require('./lib.cjs')
const { startCassandra } = require('./cassandra-server.cjs')

startCassandra().then(({ address, close }) => {
  // The first request connects.
  const client = new Client({
    contactPoints: [address],
    localDataCenter: 'dc1',
    protocolOptions: { maxVersion: 4 },
    pooling: { coreConnectionsPerHost: { 0: 1 }, heartBeatInterval: 0 },
    isMetadataSyncEnabled: false,
  })
  client.on('hostUp', () => mark('host', 'nobody'))
  const text = tag => `select ${tag} from t`
  const call = (tag, start) =>
    new Promise((resolve, reject) =>
      start(error => {
        mark(tag)
        if (error) reject(error)
        else resolve()
      }),
    )
  return serve(
    {
      execute: tag => client.execute(text(tag)),
      'execute with a callback': tag => call(tag, done => client.execute(text(tag), done)),
      batch: tag => client.batch([text(tag)]),
      'batch with a callback': tag => call(tag, done => client.batch([text(tag)], done)),
      eachRow: tag => call(tag, done => client.eachRow(text(tag), [], () => mark(tag), done)),
      stream: async tag => {
        const stream = client.stream(text(tag))
        stream.on('data', () => mark(tag))
        await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject))
      },
    },
    async () => {
      await client.shutdown()
      close()
    },
  )
})
