// The same as web.cjs as an ES module.
import http from 'node:http'
import express from 'express'
import { Redis } from 'ioredis'
import { Client } from 'pg'

const app = express()
app.get('/users/:id', async (_req, res) => {
  await new Client({ host: '127.0.0.1', port: 1 }).connect().catch(() => {})
  const redis = new Redis({
    host: '127.0.0.1',
    port: 1,
    lazyConnect: true,
    disconnectTimeout: 1,
    retryStrategy: () => null,
  })
  redis.on('error', () => {})
  await redis.get('key').catch(() => {})
  redis.disconnect()
  res.send('hello')
})
const server = app.listen(0, '127.0.0.1', () => {
  http.get({ port: server.address().port, path: '/users/7' }, res => {
    res.resume().on('end', () => server.close())
  })
})
