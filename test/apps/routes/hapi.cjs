// Hapi: prefixes of plugins, what answers before the handler, and failures.
const { server: create } = require('@hapi/hapi')

async function main() {
  const server = create({ port: 0, host: '127.0.0.1', debug: false })
  const handler = request => ({ id: request.params.id })
  server.route([
    { method: 'GET', path: '/orders/{id}', handler },
    {
      method: 'GET',
      path: '/fails/{id}',
      handler() {
        throw new Error('failed')
      },
    },
    { method: 'GET', path: '/files/{path*}', handler },
  ])
  await server.register(
    { name: 'api', register: plugin => plugin.route({ method: 'GET', path: '/orders/{id}', handler }) },
    { routes: { prefix: '/api' } },
  )
  server.ext('onPreResponse', (request, h) => (request.path === '/orders/late' ? 'later' : h.continue))
  await server.start()
  console.log(`listening ${server.info.port}`)
}
main()
