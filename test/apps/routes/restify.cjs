// Restify: handlers before, at and behind a route.
const restify = require('restify')

const server = restify.createServer()
server.use((_request, _response, next) => next())
server.get(
  '/orders/:id',
  (request, _response, next) => {
    request.prepared = request.params.id
    next()
  },
  (request, response, next) => {
    response.send(200, request.prepared)
    next()
  },
)
server.get('/fails/:id', (_request, _response, next) => next(new Error('failed')))
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
