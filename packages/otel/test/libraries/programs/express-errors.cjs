'use strict'
const { askAll, mark } = require('./lib.cjs')

module.exports = major => async () => {
  const express = require(major === 4 ? 'express4' : 'express')
  const app = express()
  app.get('/throws/:id', () => {
    throw new TypeError('thrown')
  })
  app.get('/passes/:id', (_req, _res, next) => next(new Error('passed')))
  app.get('/later', (_req, _res, next) => setImmediate(next, new Error('later')))
  app.get('/text', (_req, _res, next) => next('only text'))
  app.get('/teapot', (_req, _res, next) => next(Object.assign(new Error('short and stout'), { status: 418 })))
  // Express 4 does not look at what handlers return.
  if (major === 5)
    app.get('/rejects', async () => {
      throw new Error('rejected')
    })
  else app.get('/rejects', (_req, _res, next) => Promise.reject(new Error('rejected')).catch(next))
  app.use('/guarded', (_req, _res, next) => next(new Error('not you')))
  const router = express.Router()
  router.get('/recovers', (_req, _res, next) => next(new Error('recovered')))
  router.use((error, _req, _res, next) => (error.message === 'recovered' ? next() : next(error)))
  app.use('/inner', router)
  app.get('/inner/recovers', (_req, res) => res.json('recovered'))
  app.get('/inner/:thing', (_req, res) => res.json('recovered by parameter'))
  app.get('/context', (_req, res) => {
    mark('in handler')
    setTimeout(() => {
      mark('in timer')
      res.json('ok')
    }, 1)
  })
  app.use('/handled', (_req, _res, next) => next(new Error('handled')))
  app.use((error, _req, res, next) => {
    if (error.message !== 'handled') return next(error)
    res.status(503).json('sorry')
  })
  return askAll(app, [
    '/throws/1',
    '/passes/1',
    '/later',
    '/text',
    '/teapot',
    '/rejects',
    '/guarded/x',
    '/inner/recovers',
    '/context',
    '/handled/x',
  ])
}
