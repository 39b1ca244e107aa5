// What our sources touch inside of Node without a promise in its documentation: run under each major, prints what is
// gone. Every row is tried on the real thing, as our code uses it: that a name exists is not enough.
const assert = require('node:assert/strict')
const diagnostics = require('node:diagnostics_channel')
const { once } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const http2 = require('node:http2')
const https = require('node:https')
const Module = require('node:module')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')

const major = Number.parseInt(process.versions.node, 10)

/** Puts `wrap(original)` in place of a method for as long as `fn` runs. */
async function replaced(owner, name, wrap, fn) {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  const original = owner[name]
  owner[name] = wrap(original)
  try {
    return await fn()
  } finally {
    if (own === undefined) delete owner[name]
    else Object.defineProperty(owner, name, own)
  }
}

/** A server for as long as `use(port)` runs. */
async function serving(server, use) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await use(server.address().port, server)
  } finally {
    server.closeAllConnections?.()
    server.close()
  }
}

function ask(port, options = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', ...options }, response => {
      let text = ''
      response.on('data', chunk => (text += chunk)).on('end', () => resolve({ request, response, text }))
    })
    request.on('error', reject)
    request.end(options.body)
  })
}

async function heard(channels, fn) {
  const messages = {}
  const listeners = channels.map(name => [name, message => (messages[name] ??= []).push(message)])
  for (const [name, listener] of listeners) diagnostics.subscribe(name, listener)
  try {
    await fn()
  } finally {
    for (const [name, listener] of listeners) diagnostics.unsubscribe(name, listener)
  }
  return messages
}

const rows = [
  {
    names: ['_onTimeout'],
    where: 'packages/otel/src/tracing/http/giving-up.ts',
    loses: 'a time-out that a client library passes on as a plain `abort()` counts as a cancellation',
    async check() {
      const { AsyncResource, executionAsyncResource } = require('node:async_hooks')
      // The application holds its signals; Node holds this one weakly.
      const signal = AbortSignal.timeout(1)
      const alive = setInterval(() => {}, 1000)
      const [callback, stack] = await new Promise(resolve =>
        signal.addEventListener('abort', () => {
          const { stack } = new AsyncResource('bound').runInAsyncScope(() => new Error('here'))
          resolve([executionAsyncResource()._onTimeout, stack])
        }),
      )
      clearInterval(alive)
      assert.equal(typeof callback, 'function', 'the resource of a timer has no callback')
      assert.match(String(callback), /TimeoutError/, 'AbortSignal.timeout makes its error elsewhere')
      assert.match(
        stack,
        /\bTimeout\.\S+ \(node:internal\/abort_controller/,
        'the stack shows its timer otherwise',
      )
    },
  },
  {
    names: ['destroy'],
    where: 'packages/otel/src/tracing/http/client.ts',
    loses: 'a request that its caller destroyed is a failed one',
    async check() {
      const { ClientRequest } = http
      assert(Object.hasOwn(ClientRequest.prototype, 'destroy'), 'ClientRequest has none of its own')
      let calls = 0
      const wrap = original =>
        function (...rest) {
          calls++
          return original.apply(this, rest)
        }
      await replaced(ClientRequest.prototype, 'destroy', wrap, () =>
        serving(
          http.createServer((request, response) => request.url === '/silent' || response.end('ok')),
          async port => {
            await ask(port)
            assert.equal(calls, 0, 'Node destroys a request that was answered')
            const acts = [request => request.destroy(), request => request.abort()]
            for (const act of acts) {
              const before = calls
              const request = http.get({ port, host: '127.0.0.1', path: '/silent' })
              request.on('error', () => {})
              act(request)
              await new Promise(resolve => request.on('close', resolve))
              assert.equal(calls, before + 1, 'it does not pass destroy')
            }
            const controller = new AbortController()
            const request = http.get({ port, host: '127.0.0.1', path: '/silent', signal: controller.signal })
            request.on('error', () => {})
            controller.abort()
            await new Promise(resolve => request.on('close', resolve))
            assert.equal(calls, 3, 'a signal does not pass destroy')
          },
        ),
      )
    },
  },
  {
    names: ['aborted', 'errored'],
    where: 'packages/otel/src/tracing/http/client.ts',
    loses: 'a response that its caller destroyed and one whose connection was lost look the same',
    async check() {
      const half = http.createServer((request, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('part')
        if (request.url === '/lost') setTimeout(() => request.socket.destroy(), 10)
      })
      await serving(half, async port => {
        const see = async (path, act) => {
          const request = http.get({ port, host: '127.0.0.1', path, agent: false })
          const [response] = await once(request, 'response')
          const seen = []
          response.on('aborted', () =>
            seen.push(response.errored?.code ?? null, response.errored?.message ?? null),
          )
          act(response)
          await new Promise(resolve => request.on('close', resolve))
          return seen
        }
        assert.deepEqual(await see('/lost', response => response.resume()), ['ECONNRESET', 'aborted'])
        assert.deepEqual(await see('/half', response => response.destroy()), [null, null])
      })
    },
  },
  {
    names: ['_storeHeader'],
    where: 'packages/otel/src/tracing/http/client.ts',
    loses: 'outgoing requests carry no trace headers',
    async check() {
      const { ClientRequest } = http
      assert(!Object.hasOwn(ClientRequest.prototype, '_storeHeader'), 'ClientRequest has one of its own')
      assert.equal(typeof http.OutgoingMessage.prototype._storeHeader, 'function')
      const seen = []
      const wrap = original =>
        function (firstLine, headers, ...rest) {
          assert(this instanceof ClientRequest)
          assert.equal(rest.length, 0)
          assert.match(firstLine, /^[A-Z]+ \S+ HTTP\/1\.1\r\n$/)
          seen.push(
            headers === null || headers === undefined
              ? 'none'
              : Array.isArray(headers)
                ? 'array'
                : typeof headers,
          )
          return original.call(this, `${firstLine}x-added: yes\r\n`, headers)
        }
      const server = http.createServer((req, res) => res.end(String(req.headers['x-added'])))
      await serving(server, port =>
        replaced(ClientRequest.prototype, '_storeHeader', wrap, async () => {
          assert.equal((await ask(port)).text, 'yes')
          assert.equal((await ask(port, { headers: { a: 'b' }, method: 'POST', body: 'x' })).text, 'yes')
          assert.equal((await ask(port, { headers: ['a', 'b', 'host', 'x'] })).text, 'yes')
          assert.equal((await ask(port, { agent: false, headers: { expect: '100-continue' } })).text, 'yes')
        }),
      )
      assert.equal(seen.length, 4, `called ${seen.length} times for 4 requests`)
      assert(seen.includes('object') && seen.includes('array'), `headers came as ${seen}`)
    },
  },
  {
    names: ['addRequest', 'createSocket'],
    where: 'packages/otel/src/tracing/http/client.ts',
    loses: 'client spans start late and spans of dns, net and tls lose their parent',
    async check() {
      const calls = []
      const server = http.createServer((_, res) => res.end())
      const agent = new http.Agent({ keepAlive: true })
      const note = name => original =>
        function (...args) {
          calls.push([name, args[0] instanceof http.ClientRequest, args[1]])
          return original.apply(this, args)
        }
      await serving(server, port =>
        replaced(http.Agent.prototype, 'addRequest', note('addRequest'), () =>
          replaced(http.Agent.prototype, 'createSocket', note('createSocket'), async () => {
            await ask(port, { agent })
            await new Promise(resolve => setImmediate(resolve))
            await ask(port, { agent })
            assert.deepEqual(
              calls.map(([name, isRequest]) => [name, isRequest]),
              [
                ['addRequest', true],
                ['createSocket', true],
                ['addRequest', true],
              ],
            )
            assert.equal(Number(calls[0][2].port), port, 'the options have no port')
          }),
        ),
      )
      agent.destroy()
      assert(https.Agent.prototype instanceof http.Agent, 'https.Agent is no http.Agent')
      assert(!Object.hasOwn(https.Agent.prototype, 'addRequest'), 'https.Agent has its own addRequest')
    },
  },
  {
    names: ['http.client.request.created'],
    where: 'packages/otel/src/tracing/http/client.ts',
    loses: 'requests without an agent get their span only when their headers are written',
    async check() {
      // Since 22.12 and 23.2; before that the span starts in `addRequest` or `_storeHeader`.
      if (major < 22) return
      await serving(
        http.createServer((_, res) => res.end()),
        async port => {
          const messages = await heard(['http.client.request.created'], () => ask(port))
          const [message] = messages['http.client.request.created'] ?? []
          assert(message?.request instanceof http.ClientRequest, 'no message with the request')
        },
      )
    },
  },
  {
    names: ['http.server.request.start'],
    where: 'packages/otel/src/tracing/http/server.ts',
    loses: 'incoming requests have no spans',
    async check() {
      const order = []
      const server = http.createServer((_, res) => res.end())
      await serving(server, port =>
        replaced(
          http.Server.prototype,
          'emit',
          original =>
            function (event, ...args) {
              if (event === 'request') order.push('emit')
              return original.call(this, event, ...args)
            },
          async () => {
            const onStart = () => order.push('channel')
            diagnostics.subscribe('http.server.request.start', onStart)
            const messages = await heard(['http.server.request.start'], () => ask(port))
            diagnostics.unsubscribe('http.server.request.start', onStart)
            const [message] = messages['http.server.request.start'] ?? []
            assert(message?.request instanceof http.IncomingMessage)
            assert(message.response instanceof http.ServerResponse)
            assert.equal(message.response.req, message.request, 'the response does not know its request')
            assert.equal(message.server, server)
          },
        ),
      )
      assert.deepEqual(order, ['channel', 'emit'], 'emit of the server is not what calls the handler')
    },
  },
  {
    names: ['emit'],
    where: 'packages/otel/src/tracing/http/observed.ts',
    loses: 'spans of requests never end',
    async check() {
      const seen = []
      const note = (label, watched) => original =>
        function (event, ...args) {
          if (watched.includes(event)) seen.push(`${label} ${event}`)
          return original.call(this, event, ...args)
        }
      const server = http.createServer((req, res) => req.resume().on('end', () => res.end('text')))
      await serving(server, port =>
        replaced(http.ServerResponse.prototype, 'emit', note('response', ['finish', 'close']), () =>
          replaced(http.ClientRequest.prototype, 'emit', note('request', ['response', 'close']), () =>
            replaced(http.IncomingMessage.prototype, 'emit', note('message', ['end']), async () => {
              await ask(port, { method: 'POST', body: 'x', agent: false })
              while (!seen.includes('response close') || !seen.includes('request close'))
                await new Promise(resolve => setTimeout(resolve, 5))
            }),
          ),
        ),
      )
      assert.equal(seen.filter(one => one === 'message end').length, 2, seen.join(', '))
      assert(seen.indexOf('response finish') < seen.indexOf('response close'), seen.join(', '))
      assert(seen.includes('request response'), seen.join(', '))
    },
  },
  {
    names: ['clearIncoming'],
    where: 'packages/otel/src/tracing/http/observed.ts',
    loses: 'time: the end of every request without a body enters a context for nobody',
    async check() {
      let names
      const server = http.createServer((req, res) => {
        // Nobody has read the request: Node waits for its end itself.
        res.on('finish', () => (names = req.rawListeners('end').map(listener => listener.name)))
        res.end()
      })
      await serving(server, port => ask(port))
      assert.deepEqual(names, ['clearIncoming'])
    },
  },
  {
    names: ['closeIdleConnections', 'Http2Server', 'Http2SecureServer'],
    where: 'packages/otel/src/tracing/http/listening.ts',
    loses: 'requests to HTTPS and HTTP/2 servers have no spans',
    check() {
      assert(
        Object.hasOwn(https.Server.prototype, 'closeIdleConnections'),
        'https.Server is not told from tls.Server',
      )
      for (const other of [net.Server, require('node:tls').Server])
        assert(!Object.hasOwn(other.prototype, 'closeIdleConnections'))
      const plain = http2.createServer()
      const secure = http2.createSecureServer()
      assert.equal(Object.getPrototypeOf(plain).constructor.name, 'Http2Server')
      assert.equal(Object.getPrototypeOf(secure).constructor.name, 'Http2SecureServer')
      for (const server of [plain, secure, https.createServer()]) {
        assert(server instanceof net.Server)
        assert.equal(server.listen, net.Server.prototype.listen, 'listen is not inherited from net.Server')
      }
    },
  },
  {
    names: ['Http2ServerRequest', 'stream', 'sentHeaders'],
    where: 'packages/otel/src/tracing/http/http2-server.ts',
    loses: 'spans of HTTP/2 requests never end or have no status',
    async check() {
      const events = []
      const server = http2.createServer((request, response) => {
        events.push([
          'request',
          request instanceof http2.Http2ServerRequest,
          request.stream === response.stream,
        ])
        response.writeHead(201)
        response.end()
      })
      let streamPrototype
      let sent
      const emit = server.emit
      server.emit = function (event, a, ...rest) {
        if (event === 'stream') {
          streamPrototype ??= Object.getPrototypeOf(a)
          events.push([
            'stream',
            typeof rest[0][':path'] === 'string',
            a.session.socket.remoteAddress === '127.0.0.1',
          ])
          a.emit = function (name, ...args) {
            if (name === 'close') sent = this.sentHeaders[':status']
            return streamPrototype.emit.call(this, name, ...args)
          }
        }
        return emit.call(this, event, a, ...rest)
      }
      await serving(server, async port => {
        const session = http2.connect(`http://127.0.0.1:${port}`)
        const stream = session.request({ ':path': '/' })
        stream.resume()
        await once(stream, 'close')
        while (sent === undefined) await new Promise(resolve => setTimeout(resolve, 5))
        session.destroy()
      })
      assert.deepEqual(events, [
        ['stream', true, true],
        ['request', true, true],
      ])
      assert.equal(Number(sent), 201)
    },
  },
  {
    names: [
      'undici:request:create',
      'undici:client:sendHeaders',
      'undici:request:headers',
      'undici:request:trailers',
      'undici:request:error',
      'addHeader',
    ],
    where: 'packages/otel/src/tracing/http/undici.ts',
    loses: 'fetch has no spans and carries no trace headers',
    async check() {
      const names = ['create', 'headers', 'trailers', 'error'].map(name => `undici:request:${name}`)
      names.push('undici:client:sendHeaders')
      const server = http.createServer((req, res) => res.end(String(req.headers['x-added'])))
      const create = ({ request }) => request.addHeader('x-added', 'yes')
      diagnostics.subscribe('undici:request:create', create)
      const messages = await heard(names, () =>
        serving(server, async port => {
          assert.equal(await (await fetch(`http://127.0.0.1:${port}/p?q=1`)).text(), 'yes')
          server.close()
          server.closeAllConnections()
          await fetch(`http://127.0.0.1:${port}/`).catch(() => {})
        }),
      )
      diagnostics.unsubscribe('undici:request:create', create)
      const { request } = messages['undici:request:create'][0]
      assert.equal(request.method, 'GET')
      assert.equal(request.path, '/p?q=1')
      assert.match(String(request.origin), /^http:\/\/127\.0\.0\.1:\d+$/)
      assert(
        Array.isArray(request.headers) || typeof request.headers === 'string',
        'headers have another form',
      )
      const [headers] = messages['undici:request:headers']
      assert.equal(headers.request, request, 'another request object on the next channel')
      assert.equal(headers.response.statusCode, 200)
      assert(Array.isArray(headers.response.headers))
      assert.equal(messages['undici:client:sendHeaders'][0].socket.remoteAddress, '127.0.0.1')
      assert.equal(messages['undici:request:trailers'][0].request, request)
      assert(messages['undici:request:error'][0].error instanceof Error, 'no error on its channel')
    },
  },
  {
    names: ['_extensions', '_compile', '_cache'],
    where: 'packages/otel/src/loader/cjs-hook.ts, api-copies.ts, attach.ts',
    loses: 'libraries that are required are not instrumented',
    async check() {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shapes-'))
      const file = path.join(folder, 'a.js')
      fs.writeFileSync(file, 'module.exports = 1')
      const calls = []
      try {
        await replaced(
          Module._extensions,
          '.js',
          original =>
            function (module, filename) {
              calls.push(['extension', module instanceof Module, filename])
              return original.call(this, module, filename)
            },
          () =>
            replaced(
              Module.prototype,
              '_compile',
              original =>
                function (content, filename, ...rest) {
                  calls.push(['compile', typeof content === 'string', filename])
                  return original.call(this, content, filename, ...rest)
                },
              () => assert.equal(require(file), 1),
            ),
        )
        const real = fs.realpathSync(file)
        assert.deepEqual(calls, [
          ['extension', true, real],
          ['compile', true, real],
        ])
        assert.equal(Module._cache[real].exports, 1)
      } finally {
        fs.rmSync(folder, { recursive: true })
      }
    },
  },
  {
    names: ['registerHooks'],
    where: 'packages/otel/src/loader/esm-hook.ts',
    loses: 'ES modules are instrumented from another thread, or not at all',
    async check() {
      // The rule of import-in-the-middle for hooks in the thread of the application, as esm-hook.ts has it.
      if (major < 24) {
        assert.equal(typeof Module.register, 'function')
        return
      }
      assert.equal(typeof Module.registerHooks, 'function')
      const seen = []
      const hooks = Module.registerHooks({
        resolve(specifier, context, next) {
          const resolved = next(specifier, context)
          seen.push([specifier, resolved.format, [...context.conditions].includes('require')])
          return resolved
        },
      })
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shapes-'))
      const file = path.join(folder, 'a.mjs')
      fs.writeFileSync(file, 'export default 1')
      try {
        await import(`file://${file}`)
        assert.deepEqual(seen, [[`file://${file}`, 'module', false]])
      } finally {
        hooks.deregister()
        fs.rmSync(folder, { recursive: true })
      }
    },
  },
  {
    names: ['_handle'],
    where: 'packages/otel/src/export/late-answers.ts',
    loses: 'a batch whose answer is under way when the process exits is sent twice',
    async check() {
      if (process.platform === 'win32') return
      const server = http.createServer((req, res) => req.resume().on('end', () => res.end('text')))
      await serving(server, async port => {
        const request = http.request({
          port,
          host: '127.0.0.1',
          method: 'POST',
          agent: new http.Agent({ keepAlive: true }),
        })
        request.end('x')
        const [socket] = await once(request, 'socket')
        if (socket.connecting) await once(socket, 'connect')
        assert(
          Number.isInteger(socket._handle.fd) && socket._handle.fd > 2,
          'a socket does not know its descriptor',
        )
        while (!request.writableFinished) await new Promise(resolve => setImmediate(resolve))
        const [response] = await once(request, 'response')
        assert.equal(response.statusCode, 200)
        request.destroy()
      })
    },
  },
  {
    names: ['enterWith'],
    where: 'packages/otel/src/tracing/http/observed.ts',
    loses: 'code that handles a request does not see its span',
    async check() {
      const { AsyncLocalStorage } = require('node:async_hooks')
      const storage = new AsyncLocalStorage()
      storage.enterWith('inner')
      const later = new Promise(resolve => setImmediate(() => resolve(storage.getStore())))
      storage.enterWith(undefined)
      assert.equal(storage.getStore(), undefined)
      assert.equal(await later, 'inner')
    },
  },
  {
    names: ['_eval', '_syntax_check_only'],
    where: 'packages/otel/src/register.cts',
    loses: 'one-liners print our lines, and a check of the syntax starts us',
    check() {
      const { execFileSync } = require('node:child_process')
      const file = path.join(os.tmpdir(), `org-otel-shapes-${process.pid}.cjs`)
      fs.writeFileSync(
        file,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: code for the other process
        'require("fs").writeSync(1, `${typeof process._eval} ${process._syntax_check_only};`)',
      )
      try {
        const said = args =>
          String(execFileSync(process.execPath, ['--require', file, ...args])).split(';')[0]
        assert.equal(said(['-e', '0']), 'string undefined')
        assert.equal(said(['--check', file]), 'undefined true')
        assert.equal(said([file]), 'undefined undefined')
      } finally {
        fs.rmSync(file)
      }
    },
  },
]

module.exports = { rows }

async function main() {
  const problems = []
  for (const { names, where, loses, check } of rows) {
    try {
      await check()
    } catch (error) {
      problems.push(
        `Node ${process.versions.node}: ${names.join(', ')} (used in ${where}) is not what it was: ${error.message.split('\n')[0]}. Without it ${loses}.`,
      )
    }
  }
  process.stdout.write(JSON.stringify(problems))
  process.exit()
}
if (require.main === module) void main()
