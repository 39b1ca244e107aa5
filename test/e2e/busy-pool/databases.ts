// Rows that are databases with a query language of their own, and the builders above them.
import type { Row, Untried, Way } from './row.ts'

/** A callback with a mark in it, and the mark after the `await`. */
const called: Way = { spans: 1, marks: 2 }
const awaited: Way = { spans: 1 }

const mysql2: Omit<Row, 'server'> = {
  program: 'mysql2.cjs',
  key: 'mysql2',
  package: 'mysql2',
  ways: {
    'pool.query': called,
    'pool.query with values': called,
    'pool.execute': called,
    'pool.getConnection': { spans: 1, marks: 3 },
    'pool.query as events': { spans: 1, marks: 3 },
    'promise pool.query': awaited,
    'promise pool.execute': awaited,
    'promise pool.getConnection': { spans: 1, marks: 2 },
    'drizzle over the promise pool': awaited,
    'cluster.getConnection': { spans: 1, marks: 3 },
    'cluster.of().query': called,
    'cluster.of().execute': called,
    'promise cluster.of().query': awaited,
    'connection.query': called,
    'connection.execute': called,
    'connection.query as a stream': { spans: 1, marks: 2 },
    'connection.promise().query': awaited,
    'connection.ping': { spans: 0, marks: 2 },
    'statement.execute': { spans: 1, marks: 3 },
  },
}

const mysql: Omit<Row, 'server'> = {
  program: 'mysql.cjs',
  key: 'mysql',
  package: 'mysql',
  ways: {
    'pool.query': called,
    'pool.query with values': called,
    'pool.getConnection': { spans: 1, marks: 3 },
    'pool.query as events': { spans: 1, marks: 3 },
    'cluster.getConnection': { spans: 1, marks: 3 },
    'cluster.of().query': called,
    'connection.query': called,
    'connection.query as a stream': { spans: 1, marks: 2 },
    'connection.ping': { spans: 0, marks: 2 },
  },
}

const pg: Omit<Row, 'server'> = {
  program: 'pg.cjs',
  key: 'pg',
  package: 'pg',
  setup: /^(?:pg\.connect|pg-pool\.connect|pg\.query:CREATE)/,
  ways: {
    'pool.query': awaited,
    'pool.query with a callback': called,
    'pool.connect': awaited,
    'pool.connect with a callback': { spans: 1, marks: 3 },
    'pool that opens a connection per query': { spans: 2, named: /^pg\.(?:query|connect)/ },
    'client.query': awaited,
    'client.query with a callback': called,
    'query object with events': { spans: 1, marks: 3 },
    'cursor with a callback': called,
    'stream with events': { spans: 1, marks: 3 },
    'stream with for await': { spans: 1, marks: 2 },
    'COPY TO': { spans: 1, marks: 3 },
    'COPY FROM': called,
    'LISTEN and NOTIFY': { spans: 2 },
    'drizzle over the pool': awaited,
  },
}

const mongodb: Row = {
  program: 'mongodb.cjs',
  key: 'mongodb',
  package: 'mongodb',
  server: 'small protocol server',
  ways: {
    findOne: awaited,
    insertOne: awaited,
    bulkWrite: awaited,
    'find with getMore': { spans: 2 },
    'find as a stream': { spans: 2, marks: 3 },
    'session and transaction': { spans: 1 },
  },
  setup: /^(?:commitTransaction|endSessions)/,
}

const mongoose: Row = {
  program: 'mongoose.cjs',
  key: 'mongoose',
  package: 'mongoose',
  server: 'small protocol server',
  setup: /^endSessions/,
  ways: {
    // One of mongoose and one of the driver.
    'before it is connected': { spans: 2 },
    findOne: { spans: 2 },
    create: { spans: 2 },
    'findOne with exec': { spans: 2 },
    'cursor with for await': { spans: 2, named: /^(?:find|getMore) /, marks: 3 },
  },
}

/** The queries of the driver; what knex itself says of them, and its transactions, is set aside. */
const query: Way = { spans: 1, named: /^pg\.query:SELECT/ }
const knex: Row = {
  program: 'knex.cjs',
  key: 'knex',
  package: 'knex',
  server: 'own server',
  setup: /^(?!pg\.query:SELECT)/,
  ways: {
    raw: query,
    builder: query,
    'builder with a callback': { ...query, marks: 2 },
    transaction: { ...query, marks: 2 },
    stream: { ...query, marks: 2 },
  },
}

const cassandra: Row = {
  program: 'cassandra.cjs',
  key: 'cassandra-driver',
  package: 'cassandra-driver',
  server: 'small protocol server',
  env: { ORG_OTEL_INSTRUMENTATION_CASSANDRA_DRIVER_ENHANCED_DATABASE_REPORTING: 'true' },
  ways: {
    execute: awaited,
    'execute with a callback': called,
    batch: awaited,
    'batch with a callback': called,
    eachRow: { spans: 1, marks: 3 },
    stream: { spans: 2, named: /^cassandra-driver/, marks: 2 },
  },
}

/** The embedded server has no COPY FROM STDIN. */
const { 'COPY FROM': _, ...embedded } = pg.ways

export const databases: readonly Row[] = [
  { ...pg, ways: embedded, server: 'own server' },
  { ...pg, server: 'PostgreSQL' },
  knex,
  cassandra,
  mongodb,
  mongoose,
  { ...mysql, server: 'small protocol server' },
  { ...mysql, server: 'MariaDB' },
  { ...mysql2, server: 'own server' },
  { ...mysql2, server: 'MariaDB' },
]

export const untriedDatabases: readonly Untried[] = [
  { key: 'tedious', why: 'no queue: a second request on a busy connection is refused' },
  {
    key: 'oracledb',
    why: 'needs an Oracle server. Its pool resolves the promise of the one who waited, and its spans are made by its own hooks in the call',
  },
]
