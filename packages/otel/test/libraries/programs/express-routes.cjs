// One application per major, the same declarations as far as both understand them.
'use strict'
const { askAll } = require('./lib.cjs')

function build(express, major) {
  const app = express()
  const ok = (req, res) =>
    res.json({ params: { ...req.params }, base: req.baseUrl, route: String(req.route?.path) })
  const pass = (_req, _res, next) => next()
  const splat = major === 4 ? '*' : '*rest'

  app.use(pass)
  app.get('/', ok)
  app.get('/plain', ok)
  app.get('/users/:id', pass, ok)
  app.route('/books').get(ok).post(ok)
  app.all('/any/:thing', ok)
  app.get(['/first/:a', '/second/:a'], ok)
  app.get(/^\/pattern\/(\d+)$/, ok)
  app.get(`/files/${splat}`, ok)
  app.get('/Case/Sensitive', ok)
  app.get(major === 4 ? '/maybe/:x?' : '/maybe{/:x}', ok)
  app.get('/skipped', (_req, _res, next) => next())
  app.get('/skipping/:a', (_req, _res, next) => next('route'), ok)
  app.get('/skipping/:b', ok)
  app.get('/answers-and-passes', (_req, res, next) => {
    res.json('answered')
    next()
  })
  app.get('/prepared/:id', (_req, res, next) => {
    res.locals.body = 'prepared'
    next()
  })
  app.get('/late/:id', (_req, res) => setTimeout(() => res.json('late'), 5))
  app.use('/healthz', (_req, res) => res.json('healthy'))
  app.use('/static', (req, res, next) => (req.url === '/logo' ? res.json('logo') : next()))

  const router = express.Router()
  router.use(pass)
  router.get('/', ok)
  router.get('/items/:item', ok)
  router.get('/throws', () => {
    throw new Error('thrown')
  })
  app.use('/api', router)

  const inner = express.Router({ mergeParams: true })
  inner.get('/:post', ok)
  const outer = express.Router()
  outer.use('/:user/posts', inner)
  app.use('/people', pass, outer)
  app.use(['/both', '/ways'], router)

  const admin = express()
  admin.get('/stats/:day', ok)
  app.use('/admin', admin)

  const nested = express.Router()
  nested.use('/deep', router)
  app.use(nested)
  app.use((_req, res, next) => (res.locals.body === undefined ? next() : res.json(res.locals.body)))
  return app
}

const targets = [
  '/',
  '/?q=1',
  '/plain',
  '/plain?x=1',
  'HEAD /plain',
  'POST /plain',
  'OPTIONS /plain',
  '/users/1',
  '/users/a%20b',
  'POST /books',
  'DELETE /any/x',
  '/first/1',
  '/second/1',
  '/pattern/12',
  '/files/a/b/c',
  '/case/sensitive',
  '/maybe/1',
  '/maybe',
  '/skipped',
  '/skipping/1',
  '/answers-and-passes',
  '/prepared/1',
  '/late/1',
  '/healthz',
  '/static/logo',
  '/static/none',
  '/api',
  '/api/items/7',
  '/api/none',
  '/api/throws',
  '/people/42/posts/7',
  '/people/42/none',
  '/both/items/1',
  '/ways/items/2',
  '/admin/stats/today',
  '/admin/none',
  '/deep/items/3',
  '/nowhere',
]

module.exports = major => async () =>
  askAll(build(require(major === 4 ? 'express4' : 'express'), major), targets)
