// Every way a fastify route can answer; requests one after the other, results as lines of JSON.
const fastify = require('fastify')
const http = require('node:http')

const app = fastify()
const schema = { querystring: { type: 'object', required: ['q'], properties: { q: { type: 'string' } } } }
app.get('/returns/:id', async function returns() {
  return 'ok'
})
app.get('/sends', (_request, reply) => {
  reply.send('ok')
})
app.get('/later', function later(_request, reply) {
  setImmediate(() => reply.send('ok'))
})
let runs = 0
app.get('/query', function query() {
  // biome-ignore lint/suspicious/noThenProperty: query builders have one, and run when it is called.
  return { then: done => done({ runs: ++runs }) }
})
app.get('/throws', async function throws() {
  throw Object.assign(new Error('no'), { statusCode: 418 })
})
app.get('/throws-at-once', function throwsAtOnce() {
  throw new Error('no')
})
app.get('/validates', { schema }, async () => 'ok')
app.register(async inner => {
  inner.addHook('onRequest', async (_request, reply) => reply.code(401).send('who are you'))
  inner.get('/guarded', async () => 'ok')
})
app.register(async inner => inner.get('/:id', async () => 'ok'), { prefix: '/nested' })
app.route({ method: ['GET', 'HEAD'], url: '/both', handler: async () => 'ok' })
app.get('/this', async function () {
  return String(this === app)
})

function get(path) {
  return new Promise((resolve, reject) => {
    const { port } = app.server.address()
    http
      .get({ host: '127.0.0.1', port, path, agent: false }, res => {
        let body = ''
        res.on('data', data => {
          body += data
        })
        res.on('close', () => resolve({ status: res.statusCode, body }))
      })
      .on('error', reject)
  })
}

async function main() {
  const test = globalThis[Symbol.for('org.otel.test')]
  await app.listen({ port: 0, host: '127.0.0.1' })
  const paths =
    '/returns/7 /sends /later /query /throws /throws-at-once /validates /guarded /nested/1 /both /this /nowhere'
  for (const path of paths.split(' ')) {
    const before = test?.report().spans.length
    const answer = await get(path)
    await new Promise(resolve => setImmediate(resolve))
    const spans = test?.report().spans.slice(before)
    process.stdout.write(`${JSON.stringify({ path, ...answer, spans })}\n`)
  }
  await app.close()
}
main()
