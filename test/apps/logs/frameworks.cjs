// Loggers that come with something else: pino-http in a plain server, Fastify's own.
const http = require('node:http')

if (process.argv[2] === 'fastify') {
  const app = require('fastify')({ logger: { base: null } })
  app.get('/users/:id', request => {
    request.log.info({ amount: 7 }, 'paid 7')
    return 'ok'
  })
  app.listen({ port: 0, host: '127.0.0.1' }).then(() => {
    process.stderr.write(`listening ${app.server.address().port}\n`)
  })
} else {
  const log = require('pino-http')({ logger: require('pino')({ base: null }) })
  const server = http.createServer((request, response) => {
    log(request, response)
    request.log.info({ amount: 7 }, 'paid 7')
    response.end('ok')
  })
  server.listen(0, '127.0.0.1', () => process.stderr.write(`listening ${server.address().port}\n`))
}
