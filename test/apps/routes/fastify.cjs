// Every place a fastify application answers from.
const fastify = require('fastify')

const app = fastify()
const id = async request => ({ id: request.params.id })
app.setErrorHandler((error, _request, reply) => reply.code(error.statusCode ?? 500).send('mended'))
app.setNotFoundHandler((_request, reply) => reply.code(404).send('nothing'))
app.addHook('onRequest', async (request, reply) => {
  if (request.query.hook === 'onRequest') return reply.send('early')
})
app.addHook('preHandler', (request, reply, done) => {
  if (request.query.hook === 'preHandler') reply.send('early')
  else done()
})
app.get('/orders/:id', id)
app.get('/fails/:id', async () => {
  throw new Error('failed')
})
app.get('/gone/:id', (_request, reply) => reply.callNotFound())
app.get('/streamed/:id', (_request, reply) => {
  reply.hijack()
  reply.raw.write('one')
  setTimeout(() => reply.raw.end('two'), 5)
})
app.get('/files/*', async () => 'file')
app.register(
  async api => {
    api.get('/orders/:id', id)
    api.register(async inner => inner.get('/:item', id), { prefix: '/items' })
    api.setNotFoundHandler((_request, reply) => reply.code(404).send('nothing here'))
  },
  { prefix: '/api' },
)

app.listen({ port: 0, host: '127.0.0.1' }).then(() => console.log(`listening ${app.server.address().port}`))
