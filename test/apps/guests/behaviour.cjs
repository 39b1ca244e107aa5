// What an application can see of a library or of Node, printed; `BEHAVIOUR` names the part. The same lines come with and
// without us.
const http = require('node:http')
const net = require('node:net')

const print = (...parts) =>
  console.log(
    parts.map(part => (typeof part === 'string' ? part : (JSON.stringify(part) ?? String(part)))).join(' '),
  )

/** Serves, asks for each path (or [path, options]), prints status, body and chosen headers. */
async function ask(listener, paths) {
  const server = listener instanceof http.Server ? listener : http.createServer(listener)
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  for (const one of paths) {
    const [path, options] = Array.isArray(one) ? one : [one]
    const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, options)
    print(
      options?.method ?? 'GET',
      path,
      response.status,
      response.headers.get('x-order'),
      (await response.text()).slice(0, 200),
    )
  }
  server.close()
  server.closeAllConnections()
}

const describe = fn => [fn.name, fn.length, Object.keys(fn)]

const parts = {
  async connect() {
    process.env.NODE_ENV = 'test'
    const connect = require('connect')
    print(typeof connect, describe(connect), Object.keys(connect()))
    const app = connect()
    const sub = connect()
    const deep = connect()
    const order = (name, then) => {
      const fn = (request, response, next) => {
        response.setHeader('x-order', `${response.getHeader('x-order') ?? ''}${name}`)
        return then ? then(request, response, next) : next()
      }
      fn.own = name
      return fn
    }
    const first = order('a')
    print('use gives the app', app.use(first) === app, app.stack[0].handle === first, app.stack[0].handle.own)
    app.use(
      '/blog/',
      http.createServer((request, response) => response.end(`blog ${request.url} ${request.originalUrl}`)),
    )
    deep.use('/z', (request, response) => response.end(`deep ${request.url} ${request.originalUrl}`))
    sub.use(order('s'))
    sub.use('/deep', deep)
    sub.use('/fail', () => {
      throw new Error('sub failed')
    })
    app.use('/sub', sub)
    print('route', app.route, sub.route, deep.route)
    app.use('/own', { handle: (_request, response) => response.end('own') })
    app.use(
      '/next',
      order('n', (_request, _response, next) => next()),
    )
    app.use(
      '/error',
      order('e', (_request, _response, next) => next(new Error('given'))),
    )
    app.use('/late', (_request, _response, next) => setImmediate(next))
    app.use('/late', (_request, response) => response.end('late'))
    app.use((error, _request, response, _next) => {
      response.statusCode = 599
      response.end(`handled ${error.message}`)
    })
    app.use('/added', (_request, _response, next) => {
      app.use((_inner, answer) => answer.end('added while it ran'))
      next()
    })
    print(
      'stack',
      app.stack.map(({ route, handle }) => [route, handle.name, handle.length]),
    )
    await ask(app, [
      '/blog/a?x=1',
      '/sub/deep/z/1',
      '/sub/fail',
      '/sub/none',
      '/own',
      '/next',
      '/error',
      '/late',
      '/BLOG',
      '/blogger',
      '/added',
      '/none',
    ])
    await ask(connect().listen(0).close() && connect(), ['/'])
  },

  async koa() {
    const Koa = require('koa')
    const app = new Koa()
    app.silent = true
    print(describe(app.use), describe(Koa), app.use((_context, next) => next()) === app)
    const own = async function own(context, next) {
      context.set('x-order', 'a')
      await next()
      if (context.status === 404) context.body = 'none'
    }
    app.use(own)
    print(app.middleware.length, describe(own))
    app.use(async (context, next) => {
      if (context.path === '/throws') context.throw(418, 'short')
      if (context.path === '/fails') throw new Error('hidden')
      if (context.path === '/twice') await next().then(next)
      if (context.path === '/ok') context.body = { ok: true }
      await next()
    })
    app.on('error', error => print('error event', error.message.split('\n')[0]))
    const callback = app.callback()
    print('callback', callback.length)
    await ask(callback, ['/ok', '/none', '/throws', '/fails', '/twice'])
  },

  async fastify() {
    const fastify = require('fastify')
    const app = fastify()
    const handler = async () => 'x'
    const seen = []
    app.addHook('onRoute', route =>
      seen.push([route.method, route.url, route.handler === handler, Object.keys(route).sort()]),
    )
    for (const hook of ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'onSend', 'onResponse'])
      app.addHook(hook, async (_request, reply) => {
        if (hook !== 'onResponse')
          reply.header('x-order', `${reply.getHeader('x-order') ?? ''}${hook[0]}${hook[3]}`)
      })
    app.get('/', handler)
    app.get('/this', function own(request) {
      return [
        this === app,
        typeof request.id,
        request.routeOptions?.url,
        request.routeOptions?.handler?.length,
        Object.keys(request),
      ]
    })
    app.get('/throws', () => {
      throw Object.assign(new Error('thrown'), { statusCode: 418 })
    })
    app.get('/rejects', async () => Promise.reject(new Error('rejected')))
    app.get('/sends', (_request, reply) => void setImmediate(() => reply.send('sent')))
    app.post('/checked', { schema: { body: { type: 'object', required: ['a'] } } }, handler)
    app.register(
      async child => {
        child.addHook('onRequest', async request => {
          if (request.query.refuse) throw new Error('refused')
        })
        child.get('/user/:id', { config: { a: 1 } }, async request => [
          request.params.id,
          request.routeOptions.config,
        ])
        child.setNotFoundHandler(async (request, reply) => reply.code(404).send(`no ${request.url}`))
      },
      { prefix: '/child' },
    )
    app.setErrorHandler((error, _request, reply) =>
      reply.code(error.statusCode ?? 500).send(`handled ${error.message}`),
    )
    await app.ready()
    print(seen)
    print(app.printPlugins().replace(/\d+ ms/g, 'ms'))
    print(app.printRoutes({ includeHooks: true, commonPrefix: false }))
    print(app.printRoutes({ includeMeta: true }))
    print(
      app.hasRoute({ method: 'GET', url: '/' }),
      app.findRoute({ method: 'GET', url: '/child/user/:id' })?.params,
    )
    const paths = [
      '/',
      '/this',
      '/throws',
      '/rejects',
      '/sends',
      ['/checked', { method: 'POST' }],
      '/child/user/7',
      '/child/user/7?refuse=1',
      '/child/none',
      '/none',
      ['/', { method: 'HEAD' }],
      ['/', { method: 'DELETE' }],
    ]
    for (const path of paths) {
      const [url, { method = 'GET' } = {}] = Array.isArray(path) ? path : [path]
      const { statusCode, body } = await app.inject({ url, method })
      print('inject', method, url, statusCode, body)
    }
    await ask(app.routing, paths)
    await app.close()
  },

  async hapi() {
    const Hapi = require('@hapi/hapi')
    const server = Hapi.server({ port: 0, host: '127.0.0.1' })
    const handler = () => 'x'
    server.ext('onPreHandler', (_request, h) => h.continue)
    server.route({ method: 'GET', path: '/', handler })
    server.route([{ method: 'GET', path: '/user/{id}', options: { handler: request => request.params.id } }])
    server.route({ method: 'GET', path: '/fails', handler: () => Promise.reject(new Error('hidden')) })
    await server.register({
      name: 'own',
      register: async inner => inner.route({ method: 'GET', path: '/plugin', handler: () => 'plugin' }),
    })
    print(server.table().map(route => [route.method, route.path]))
    for (const url of ['/', '/user/7', '/fails', '/plugin', '/none']) {
      const { statusCode, payload } = await server.inject(url)
      print(url, statusCode, payload)
    }
    await server.stop()
  },

  async restify() {
    const server = require('restify').createServer({ name: 'x' })
    server.pre((_request, response, next) => next(response.header('x-order', 'p')))
    server.use(async (_request, response) => void response.header('x-order', 'pu'))
    server.get('/a/:id', (request, response, next) => next(response.send({ id: request.params.id })))
    server.get('/async', async (_request, response) => response.send('async'))
    server.get('/fails', (_request, _response, next) => next(new Error('given')))
    server.get('/chain', [
      (_request, _response, next) => next(),
      (_request, response, next) => next(response.send('two')),
    ])
    await ask(server.server, ['/a/7', '/async', '/fails', '/chain', '/none'])
  },

  async router() {
    const Router = require('router')
    const router = Router()
    const inner = Router({ mergeParams: true })
    const handler = (request, response) => response.end(`${request.url} ${JSON.stringify(request.params)}`)
    router.get('/a/:id', handler)
    inner.get('/b', handler)
    router.use('/in/:x', inner)
    router.use('/fails', () => Promise.reject(new Error('given')))
    router.use((error, _request, response, _next) => response.end(`handled ${error.message}`))
    print(router.stack.length, router.stack[0].route.stack[0].handle === handler, describe(Router))
    await ask(
      (request, response) => router(request, response, error => response.end(`left ${error}`)),
      ['/a/1', '/in/2/b', '/fails', '/none'],
    )
  },

  /** A domain entered in the main script, as `node --require` scripts of old do. */
  domain() {
    const domain = require('node:domain').create()
    domain.enter()
    const list = []
    for (let i = 0; i < 200_000; i++) list.push({ i })
    setTimeout(() => {
      print('active', process.domain === domain)
      domain.exit()
    }, 60)
  },

  beforeExit() {
    let count = 0
    process.on('beforeExit', code => print('beforeExit', ++count, code))
    process.on('exit', () => print('exit', Object.hasOwn(process, 'emit')))
    span()
  },
  'beforeExit of one that goes on working'() {
    let count = 0
    process.on('beforeExit', async () => {
      print('beforeExit', ++count)
      await null
      if (count < 3) setTimeout(() => print('worked'), 5)
    })
    span()
  },
  'beforeExit of one that ends the process'() {
    process.on('beforeExit', () => {
      print('beforeExit')
      process.exit(3)
    })
    span()
  },

  /** Sockets of a CONNECT and of an upgrade, as their listeners get them. */
  async sockets() {
    const server = http.createServer()
    const look = (event, socket) => {
      print(
        event,
        ['close', 'end', 'error', 'data', 'drain'].map(name => [name, socket.listenerCount(name)]),
      )
      print(describe(socket.write), describe(socket.end), describe(socket.emit))
    }
    server.on('connect', (_request, socket) => {
      look('connect', socket)
      socket.end('HTTP/1.1 200 OK\r\n\r\nhello')
      print(Object.hasOwn(socket, 'write'), Object.hasOwn(socket, 'emit'))
    })
    server.on('upgrade', (_request, socket) => {
      look('upgrade', socket)
      socket.destroy()
    })
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    for (const line of [
      'CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ])
      await new Promise(resolve => {
        const socket = net.connect(server.address().port, '127.0.0.1', () => socket.write(line))
        socket.on('data', data => print(String(data)))
        socket.on('close', resolve)
        socket.on('error', () => {})
      })
    server.close()
  },

  detached() {
    for (const [name, prototype] of Object.entries({
      Server: http.Server.prototype,
      ServerResponse: http.ServerResponse.prototype,
      IncomingMessage: http.IncomingMessage.prototype,
      ClientRequest: http.ClientRequest.prototype,
      TLS: require('node:https').Server.prototype,
    })) {
      const { emit } = prototype
      for (const event of ['request', 'close']) {
        try {
          print(name, event, emit(event, {}, {}))
        } catch (error) {
          print(name, event, error.name, error.message)
        }
      }
    }
  },
}

function span() {
  require('@opentelemetry/api').trace.getTracer('test').startSpan('pending').end()
}

module.exports = Object.keys(parts)
if (require.main === module)
  Promise.resolve(parts[process.env.BEHAVIOUR]()).catch(error => {
    print('failed', error.stack)
    process.exitCode = 1
  })
