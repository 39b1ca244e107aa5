// mongodb with one connection: commands, bulk writes, cursors, streams and sessions.
const { MongoClient } = require('mongodb')
const { mark, serve } = require('./lib.cjs')
const { startMongodb } = require('./mongodb-server.cjs')

startMongodb().then(({ url, close }) => {
  // The first request connects; heartbeats go on for as long as the client lives.
  const client = new MongoClient(url, { maxPoolSize: 1, heartbeatFrequencyMS: 500 })
  client.on('serverHeartbeatStarted', () => mark('heartbeat', 'nobody'))
  const at = tag => client.db('test').collection(tag)
  return serve(
    {
      findOne: tag => at(tag).findOne({}),
      insertOne: tag => at(tag).insertOne({ n: 1 }),
      bulkWrite: tag => at(tag).bulkWrite([{ insertOne: { document: { n: 1 } } }]),
      'find with getMore': tag => at(tag).find().toArray(),
      'find as a stream': async tag => {
        const stream = at(tag).find().stream()
        stream.on('data', () => mark(tag))
        await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject))
      },
      'session and transaction': tag =>
        client.withSession(session =>
          session.withTransaction(() => at(tag).insertOne({ n: 1 }, { session })),
        ),
    },
    async () => {
      await client.close()
      close()
    },
  )
})
