// Asks databases for something within a request; most of them are not there.
const http = require('node:http')
const ignore = () => {}
const refused = { host: '127.0.0.1', port: 1, user: 'ann', database: 'shop' }

const asked = {
  async pg() {
    const { Client } = require('pg')
    await new Client(refused).connect().catch(ignore)
  },
  mysql2() {
    const connection = require('mysql2').createConnection(refused)
    return new Promise(resolve => connection.query('select 1', resolve))
  },
  mysql() {
    const connection = require('mysql').createConnection(refused)
    return new Promise(resolve => connection.query('select 1', resolve))
  },
  async ioredis() {
    const Redis = require('ioredis')
    const redis = new Redis({
      ...refused,
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    })
    redis.on('error', ignore)
    await redis.get('k').catch(ignore)
    redis.disconnect()
  },
  async redis() {
    const { createClient } = require('redis')
    const client = createClient({ socket: { ...refused, reconnectStrategy: false } })
    client.on('error', ignore)
    await client.connect().catch(ignore)
  },
  async mongodb() {
    const { startMongodb } = require('./busy-pool/mongodb-server.cjs')
    const { MongoClient } = require('mongodb')
    const { url, close } = await startMongodb()
    const client = new MongoClient(url)
    await client.db('shop').collection('users').findOne({})
    await client.close()
    close()
  },
}

const server = http.createServer(async (request, response) => {
  const name = request.url.slice(1)
  await asked[name]()
  response.end()
})
server.listen(0, '127.0.0.1', async () => {
  process.stdout.write(`listening ${server.address().port}\n`)
  for (const name of Object.keys(asked))
    await new Promise(resolve =>
      http.get({ port: server.address().port, path: `/${name}` }, response =>
        response.resume().on('end', resolve),
      ),
    )
  server.close()
})
