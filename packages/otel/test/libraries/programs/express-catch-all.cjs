'use strict'
const { askAll } = require('./lib.cjs')

module.exports = major => async () => {
  const express = require(major === 4 ? 'express4' : 'express')
  const everything = major === 4 ? '/*' : '/{*path}'
  const app = express()
  const router = express.Router()
  router.get(everything, (_req, res) => res.json('proxied'))
  app.use('/proxy', router)
  // Middleware for everything is no route.
  app.use(everything, (req, res, next) =>
    req.originalUrl === '/refused' ? res.status(401).json('no') : next(),
  )
  app.get(everything, (_req, res) => res.json('page'))
  return askAll(app, ['/refused', '/', '/some/page', '/proxy/some/where', 'POST /some/page'])
}
