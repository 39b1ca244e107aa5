// What databases refuse, and what they do not, each in a request of its own.
const http = require('node:http')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
const ignore = () => {}
const settled = stream =>
  new Promise(resolve => stream.on('error', resolve).on('end', resolve).on('finish', resolve).resume?.())

/** Name of the database in the environment -> what is asked of it. */
const cases = {
  async PostgreSQL(url) {
    const { Client, Query } = require('pg')
    const Cursor = require('pg-cursor')
    const QueryStream = require('pg-query-stream')
    const { from, to } = require('pg-copy-streams')
    const client = new Client(url)
    await client.connect()
    await client.query('create temp table numbers (n int)')
    const copy = lines => pipeline(Readable.from(lines), client.query(from('copy numbers from stdin')))
    const drain = async stream => {
      for await (const _row of stream);
    }
    return {
      cases: {
        'COPY FROM': () => copy(['1\n', '2\n']),
        'COPY FROM that fails': () => copy(['1\n', 'x\n']).catch(ignore),
        'COPY FROM into no table': () =>
          pipeline(Readable.from(['1\n']), client.query(from('copy nowhere from stdin'))).catch(ignore),
        'COPY TO': () => drain(client.query(to('copy numbers to stdout'))),
        'COPY TO that fails': () => drain(client.query(to('copy (select 1/0) to stdout'))).catch(ignore),
        cursor: async () => {
          const cursor = client.query(new Cursor('select generate_series(1, 5)'))
          await cursor.read(2)
          await cursor.close()
        },
        'cursor that fails': async () => {
          const cursor = client.query(new Cursor('select 1/(3 - n) from generate_series(1, 5) as n'))
          await cursor.read(1)
          await cursor.read(10).catch(ignore)
          await cursor.close()
        },
        stream: () => drain(client.query(new QueryStream('select generate_series(1, 5)'))),
        'stream that nobody reads to its end': async () => {
          for await (const _row of client.query(new QueryStream('select generate_series(1, 500)'))) break
        },
        'stream that fails': () =>
          drain(client.query(new QueryStream('select 1/(3 - n) from generate_series(1, 5) as n'))).catch(
            ignore,
          ),
        'query object that fails': () => settled(client.query(new Query('select 1/0'))),
        'several statements of which one fails': () => client.query('select 1; select 1/0').catch(ignore),
        'query that fails': () => client.query('select 1/0').catch(ignore),
      },
      close: () => client.end(),
    }
  },
  async MariaDB(url) {
    const { hostname, port, username, password } = new URL(url)
    const options = { host: hostname, port: Number(port), user: username, password, multipleStatements: true }
    const connection = require('mysql2').createConnection(options)
    await connection.promise().query('create database if not exists shop; use shop')
    await connection.promise().query('create temporary table numbers (n int primary key)')
    const drain = async query => {
      for await (const _row of query.stream());
    }
    return {
      cases: {
        stream: () => drain(connection.query('select 1 union select 2')),
        'stream that fails': () => drain(connection.query('select * from nowhere')).catch(ignore),
        'stream that fails on its way': () =>
          drain(
            connection.query('select (select 1 union select n) from (select 1 as n union select 2) as t'),
          ).catch(ignore),
        'bulk insert': () => connection.promise().query('insert into numbers values ?', [[[1], [2]]]),
        'bulk insert that fails': () =>
          connection
            .promise()
            .query('insert into numbers values ?', [[[3], [1]]])
            .catch(ignore),
        'several statements of which one fails': () =>
          connection.promise().query('select 1; select * from nowhere').catch(ignore),
        'execute that fails': () => connection.promise().execute('select * from nowhere').catch(ignore),
      },
      close: () => connection.destroy(),
    }
  },
  async Redis(url) {
    const Redis = require('ioredis')
    const redis = new Redis(url)
    await redis.set('text', 'x')
    return {
      cases: {
        pipeline: () => redis.pipeline().set('a', '1').get('a').exec(),
        'pipeline of which one fails': () => redis.pipeline().get('text').lpush('text', '1').exec(),
        transaction: () => redis.multi().set('a', '1').get('a').exec(),
        'transaction of which one fails': () => redis.multi().get('text').lpush('text', '1').exec(),
        'transaction that is refused': () => redis.multi().get('text').call('get').exec().catch(ignore),
        'command that fails': () => redis.lpush('text', '1').catch(ignore),
      },
      close: () => redis.disconnect(),
    }
  },
}

/** MongoDB's protocol, spoken by a few lines. */
cases.MongoDB = async () => {
  const { MongoClient } = require('mongodb')
  const { startMongodb } = require('./busy-pool/mongodb-server.cjs')
  const { url, close } = await startMongodb()
  const client = new MongoClient(url)
  const at = name => client.db('shop').collection(name)
  const documents = [{ mail: 's3cret@shop.example' }, { mail: 's3cret@shop.example' }]
  return {
    cases: {
      insertMany: () => at('users').insertMany(documents.map(one => ({ ...one }))),
      'insertMany that fails': () => at('refused').insertMany(documents).catch(ignore),
      'bulkWrite that fails': () =>
        at('refused')
          .bulkWrite([{ updateOne: { filter: {}, update: { $set: documents[0] } } }])
          .catch(ignore),
      'write that too few servers have': () => at('lonely').insertOne({ n: 1 }).catch(ignore),
      'bulkWrite of the client': () =>
        client.bulkWrite([{ namespace: 'shop.users', name: 'insertOne', document: { n: 1 } }]),
      'find that fails': () => at('refused').find({}).toArray().catch(ignore),
    },
    async close() {
      await client.close()
      close()
    },
  }
}

cases['node-redis'] = async url => {
  const client = require('redis').createClient({ url })
  await client.connect()
  await client.set('text', 'x')
  return {
    cases: {
      transaction: () => client.multi().set('a', '1').get('a').exec(),
      'transaction of which one fails': () =>
        client.multi().get('text').lPush('text', '1').exec().catch(ignore),
      'command that fails': () => client.lPush('text', '1').catch(ignore),
    },
    close: () => client.close(),
  }
}

const { SERVER_NAME, SERVER_URL } = process.env
async function main() {
  const asked = await cases[SERVER_NAME](SERVER_URL)
  const server = http.createServer(async (request, response) => {
    const name = decodeURIComponent(request.url.slice(1))
    try {
      await asked.cases[name]()
      response.end()
    } catch (error) {
      response.statusCode = 500
      response.end(String(error))
    }
  })
  server.listen(0, '127.0.0.1', async () => {
    const { port } = server.address()
    process.stdout.write(`listening ${port}\n`)
    for (const name of Object.keys(asked.cases))
      await new Promise(resolve =>
        http.get({ port, path: `/${encodeURIComponent(name)}` }, response =>
          response.resume().on('end', resolve),
        ),
      )
    server.close()
    await asked.close()
  })
}
main()
