// Every way an express application gets from a route to an answer: node express.cjs <package>.
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const name = process.argv[2]
const express = require(name)
const is4 = name === 'express4'

const pass = (_request, _response, next) => next()
const answer = (request, response) => response.json({ at: request.originalUrl })
const prepare = (request, response, next) => {
  response.locals.body = { at: request.originalUrl }
  next()
}
const splat = is4 ? '*' : '*rest'

const app = express()
app.set('env', 'test')

// Middleware and routes for everything come first: none of them is the route of anything behind it.
app.use(pass)
app.use('/', pass)
app.all(is4 ? '*' : '/{*any}', pass)
app.get(/.*/, pass)
const folder = mkdtempSync(join(tmpdir(), 'routes-'))
writeFileSync(join(folder, 'logo.txt'), 'logo')
process.on('exit', () => rmSync(folder, { recursive: true }))
app.use(express.static(folder))

// Rewritten on the way.
app.use((request, _response, next) => {
  if (request.url.startsWith('/old/')) request.url = request.url.replace('/old/', '/orders/')
  next()
})

// A later layer answers.
app.get('/orders/:id', prepare)
app.get('/orders/:id/later', (request, response, next) => setTimeout(prepare, 2, request, response, next))
app.get('/several/:first', prepare)
app.get('/several/:second', pass)
app.get(`/narrow/${splat}`, pass)
app.get('/narrow/:a/:b', prepare)
app.get('/declined/:id', (_request, _response, next) => next('route'), answer)
app.get('/declined/:other', answer)
app.get('/skipped/:id', (request, response, next) => {
  response.locals.body = { at: request.url }
  next('route')
})
app.all('/all/:id', prepare)
app
  .route('/chained/:id')
  .all(pass)
  .get(pass, (request, response, next) => setImmediate(prepare, request, response, next))
app.get(['/lists/:a', '/listed/:a'], prepare)
app.get(/^\/pattern\/(\d+)$/, prepare)

// Answered before `next()`, and after the handler returned.
app.get('/answered/:id', (_request, response, next) => {
  response.json('answered')
  next()
})
app.get('/answered/:other', pass)
app.get('/streamed/:id', (_request, response) => {
  response.write('one')
  setTimeout(() => response.end('two'), 5)
})
app.get('/streaming/:id', (_request, response, next) => {
  response.write('one')
  setTimeout(() => response.end('two'), 5)
  next()
})
app.get('/streaming/:other', pass)

// Routers.
const api = express.Router()
api.use(pass)
api.get('/orders/:id', prepare)
api.get('/answered/:id', answer)
api.get('/left/:id', (request, response, next) => {
  response.locals.body = { at: request.url }
  next('router')
})
api.get('/left/:never', answer)
api.get('/fails/:id', () => {
  throw new Error('failed')
})
const inner = express.Router({ mergeParams: true })
inner.get('/items/:item', prepare)
inner.get('/', prepare)
api.use('/:user', pass, inner)
app.use('/api', api)
app.use(['/v1', '/v2'], api)
const bare = express.Router()
bare.get('/bare/:id', prepare)
app.use(bare)
const admin = express()
admin.get('/stats/:day', prepare)
admin.get('/again/:day', (request, response) => {
  request.url = '/stats/1'
  admin.handle(request, response, () => response.json('by callback'))
})
app.use('/admin', admin)
const tree = express.Router({ mergeParams: true })
tree.get('/leaf/:id', prepare)
tree.use('/branch', tree)
app.use('/tree', tree)

// Sent through the application, or one of its routers, once more.
const again = router => (request, response, next) => {
  request.url = request.url.replace('/moved', '/orders')
  router(request, response, next)
}
app.get('/moved/:id', (request, response) => again(app.handle.bind(app))(request, response))
app.get('/moved/:id/router', (request, response, next) => {
  request.url = '/orders/1'
  ;(is4 ? app._router : app.router).handle(request, response, next)
})
const moving = express.Router()
moving.get('/moved/:id', (request, response) => again(app)(request, response))
moving.get('/inside/:id', (request, response, next) => {
  request.url = '/target/1'
  moving.handle(request, response, next)
})
moving.get('/target/:id', prepare)
moving.use((request, _response, next) => {
  if (request.url.startsWith('/rewritten/')) request.url = '/target/2'
  next()
})
moving.get('/target/:id', prepare)
app.use('/moving', moving)
app.get('/forward/:id', (request, _response, next) => {
  request.url = `/forwarded/${request.params.id}`
  next()
})
app.get('/forwarded/:id', prepare)

// Parameters.
const people = express.Router()
people.param('person', (request, response, next, person) => {
  if (person === 'none') return response.status(404).json('nobody')
  if (person === 'bad') return next(new Error('bad person'))
  if (person === 'slow') return setTimeout(next, 2)
  request.person = person
  next()
})
people.get('/:person/mail', prepare)
people.use('/:person/files', pass)
people.get('/:person', answer)
app.use('/people', people)

// Failures.
app.get('/throws/:id', () => {
  throw new Error('thrown')
})
app.get('/passes/:id', (_request, _response, next) => setImmediate(next, new Error('passed')))
app.get('/rejects/:id', async (_request, _response, next) => {
  if (is4) return next(new Error('rejected'))
  throw new Error('rejected')
})
app.get('/prepared/:id', prepare)
app.use('/prepared', (request, _response, next) =>
  next(request.url === '/fails' ? new Error('behind') : undefined),
)
app.get('/unhandled/:id', () => {
  throw Object.assign(new Error('for express'), { forExpress: true })
})
app.use((request, _response, next) =>
  request.url.startsWith('/not-found') ? next(Object.assign(new Error('no'), { status: 404 })) : next(),
)
const recovering = express.Router()
recovering.use((_request, _response, next) => next(new Error('recovered')))
recovering.use((_error, _request, _response, next) => next())
app.use('/recovering', recovering)
app.use('/responds', (request, response, next) =>
  request.url === '/self' ? answer(request, response) : next(),
)
app.get('/nobody/:id', pass)

// The responders.
app.use('/orders/mounted', (_request, response) => response.json(response.locals.body))
app.use('/', (request, response, next) => {
  if (response.locals.body === undefined) return next()
  if (request.originalUrl.endsWith('/caught')) return next()
  response.json(response.locals.body)
})
app.get(is4 ? '*' : '/{*any}', (_request, response, next) =>
  response.locals.body === undefined ? next() : response.json(response.locals.body),
)
app.use('/missing', (_request, response) => response.status(404).json('missing'))
app.use((request, response, next) =>
  request.url.startsWith('/nothing') ? response.status(404).json('nothing') : next(),
)
app.use((error, _request, response, next) => {
  if (error.forExpress) return next(error)
  response.status(error.status ?? 500).json(error.message)
})

const server = app.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
