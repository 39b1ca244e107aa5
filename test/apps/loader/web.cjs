// Express, a query that fails at once, and a Redis client: what a plain CommonJS service loads.
const express = require('express')
const { Client } = require('pg')
const Redis = require('ioredis')
const http = require('node:http')

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
