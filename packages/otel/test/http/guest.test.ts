// What the application must not notice. Everything runs in child processes, with and without us.
import { buildOurs, nodes, runScript } from './run.ts'

const built = buildOurs()
const broken = buildOurs('broken.ts')
afterAll(() => {
  built.dispose()
  broken.dispose()
})

const lib = `const { serve, ask, raw, statusLines } = require('./programs/lib.cjs')
const http = require('node:http'), https = require('node:https'), net = require('node:net')
const api = require('@opentelemetry/api')
const ours = process.env.OURS ? require(process.env.OURS) : undefined
const settle = async () => { for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve)) }
const main = (fn) => fn().then((out) => { console.log(JSON.stringify(out)); process.exit(0) }, (error) => { console.error(error); process.exit(1) })
`

describe.each(nodes)('on Node $version', ({ bin }) => {
  const withUs = (source: string, env: Record<string, string> = {}, flags: string[] = []) =>
    runScript(bin, built.preload, lib + source, { OURS: built.preload, ...env }, flags)
  const without = (source: string, flags: string[] = []) => runScript(bin, undefined, lib + source, {}, flags)

  async function same(source: string, flags: string[] = []): Promise<unknown> {
    const [a, b] = await Promise.all([without(source, flags), withUs(source, {}, flags)])
    expect(a.stderr).toBe('')
    const result = JSON.parse(b.stdout)
    expect(result).toEqual(JSON.parse(a.stdout))
    expect(b).toEqual(a)
    return result
  }

  async function see(source: string, env: Record<string, string> = {}): Promise<any> {
    const { stdout, stderr } = await withUs(source, env)
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }

  it('names, lengths and enumerable keys of what we patch stay', async () => {
    await same(`main(async () => {
      await (await serve(() => {}, { module: https, options: require('./programs/certificate.cjs') })).close()
      const look = (object, keys) => keys.map((key) => [key, object[key]?.name, object[key]?.length])
      const enumerable = (object) => { const out = []; for (const key in object) out.push(key); return out.sort() }
      return [
        look(http, Object.keys(http)),
        look(https, Object.keys(https)),
        look(http.Agent.prototype, ['addRequest', 'createSocket']),
        look(http.ClientRequest.prototype, ['_storeHeader', 'emit']),
        look(http.IncomingMessage.prototype, ['emit']),
        look(http.ServerResponse.prototype, ['emit']),
        look(http.Server.prototype, ['emit', 'listen']),
        look(https.Server.prototype, ['emit', 'listen']),
        [http.ClientRequest, http.Server, http.ServerResponse, http.IncomingMessage, http.Agent, https.Server, net.Server]
          .map(({ prototype }) => enumerable(prototype)),
      ]
    })`)
  })

  it('requests, responses and sockets get no listener and no enumerable property', async () => {
    await same(`main(async () => {
      const look = (emitter) => [emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]), Object.keys(emitter).filter((key) => key !== '_peername' /* Node's own cache of remoteAddress */).sort()]
      const out = []
      const s = await serve((request, response) => {
        out.push(look(request), look(response), look(request.socket))
        response.end('ok')
      })
      await new Promise((resolve) => {
        const request = http.get(s.url, { agent: false }, (response) => {
          out.push(look(request), look(response), look(response.socket))
          response.resume().on('end', resolve)
        })
        out.push(look(request))
      })
      await s.close()
      return out
    })`)
  })

  it('a handler or a listener has at most one frame of ours below it', async () => {
    const source = `main(async () => {
      Error.stackTraceLimit = 50
      const frames = {}
      const note = (name) => { frames[name] = new Error().stack.split('\\n').filter((line) => line.includes('ours.cjs')).length }
      const s = await serve((request, response) => {
        note('handler')
        request.on('end', () => note('request end')).resume()
        response.on('finish', () => note('finish'))
        response.end('ok')
      })
      await new Promise((resolve) => {
        http.request(s.url, { agent: false, method: 'POST' }, (response) => {
          note('response')
          response.on('data', () => note('data')).on('end', () => { note('end'); resolve() })
        }).end('x')
      })
      await s.close()
      return frames
    })`
    const frames = Object.entries((await see(source)) as Record<string, number>)
    expect(frames.length).toBe(6)
    for (const [, count] of frames) expect(count).toBeLessThanOrEqual(1)
  })

  it('a hostile baggage, trace state or traceparent changes no outgoing call', async () => {
    const result = await same(`main(async () => {
      const leaf = await serve((request, response) => response.end('leaf'))
      const s = await serve(async (request, response) => {
        const entries = { a: { value: '\\u2603\\r\\nx: y' }, 'b\\r\\n': { value: '1' }, '\\u2603': { value: '\\u0000' } }
        const baggage = api.propagation.createBaggage(entries)
        const context = api.propagation.setBaggage(api.context.active(), baggage)
        const call = async () => [
          await (await fetch(leaf.url)).text(),
          await ask(leaf.url),
          await new Promise((resolve) => http.get(leaf.url, (answer) => answer.resume().on('end', () => resolve(answer.statusCode)))),
        ]
        response.end(JSON.stringify([await call(), await api.context.with(context, call)]))
      })
      const out = []
      const hostile = [
        'baggage: a=1;\\u2603', 'baggage: a=1;\\u00ff\\u00fe', 'baggage: ' + 'a=1,'.repeat(3000), 'baggage: a=%0d%0ax:y',
        'tracestate: a=\\u00e9', 'tracestate: ' + 'a=1,'.repeat(600), 'traceparent: 00-' + 'f'.repeat(32) + '-' + 'f'.repeat(16) + '-ff',
        'traceparent: ' + 'x'.repeat(9000), 'baggage: __proto__=1', 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\\r\\ntracestate: \\u00ff=\\u00ff',
      ]
      for (const line of hostile) {
        const answer = await raw(s.port, Buffer.from('GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n' + line + '\\r\\n\\r\\n'))
        out.push(answer.slice(answer.indexOf('[[')))
      }
      await s.close(); await leaf.close()
      return out
    })`)
    for (const answer of result as string[]) expect(answer).toContain('leaf')
  })

  it.each(['make', 'extract', 'inject', 'end', 'attribute', 'record'])(
    'when %s fails inside us the application runs on and the failure is counted',
    async part => {
      const source = `main(async () => {
        const leaf = await serve((request, response) => { response.statusCode = 500; response.end('leaf') })
        const s = await serve(async (request, response) => {
          const answers = [await (await fetch(leaf.url)).text(), await ask(leaf.url)]
          response.end(JSON.stringify(answers))
        })
        const out = [await ask(s.url, { headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' } }), await ask('http://127.0.0.1:1/')]
        await s.close(); await leaf.close()
        return out
      })`
      const [plain, failing] = await Promise.all([
        without(source),
        runScript(bin, broken.preload, lib + source, { BROKEN: part }),
      ])
      expect(failing.stdout).toBe(plain.stdout)
      expect(failing.code).toBe(plain.code)
      expect(failing.stderr).toContain('ORG_OTEL_INTERNAL')
    },
  )

  it('an exception in a handler ends the process as before, printed at the same place', async () => {
    const source = `serve(() => {
      throw new Error('mine')
    }).then((s) => http.get(s.url).on('error', () => {}))`
    const [a, b] = await Promise.all([without(source), withUs(source)])
    expect(b.code).toBe(a.code)
    const head = (text: string) => text.split('\n    at ')[0]
    expect(head(b.stderr)).toBe(head(a.stderr))
  })

  it('an exception in a handler that the process survives fails the span of its request', async () => {
    const spans = await see(`main(async () => {
      process.on('uncaughtException', () => {})
      const s = await serve((request, response) => {
        if (request.url === '/broken') throw new RangeError('mine')
        response.end('ok')
      })
      const pending = http.get(s.url + '/broken', { agent: false }).on('error', () => {})
      await new Promise((resolve) => setTimeout(resolve, 50))
      await ask(s.url + '/fine')
      pending.destroy()
      await s.close(); await settle()
      return ours.takeSpans().filter((span) => span.kind === 1).map(({ attributes, status, events }) => [attributes['url.path'], attributes['error.type'] ?? null, status, events.length])
    })`)
    expect(spans).toEqual([
      ['/broken', 'RangeError', { code: 2, message: 'mine' }, 1],
      ['/fine', null, { code: 0 }, 0],
    ])
  })

  it('an error event that nobody listens for crashes as before', async () => {
    const source = `http.get('http://127.0.0.1:1/')`
    const [a, b] = await Promise.all([without(source), withUs(source)])
    expect(a.code).toBe(1)
    expect(b.code).toBe(1)
    expect(b.stderr).toContain('ECONNREFUSED')
  })

  it('raw header arrays get each trace header once, and stay the caller’s', async () => {
    const out = await see(`main(async () => {
      const s = await serve((request, response) => response.end(JSON.stringify(request.rawHeaders)))
      const send = (headers) => new Promise((resolve) => http.request({ host: '127.0.0.1', port: s.port, agent: false, headers }, (response) => {
        let text = ''; response.on('data', (chunk) => (text += chunk)).on('end', () => resolve(JSON.parse(text)))
      }).end())
      const mine = ['Host', 'a.example', 'TraceParent', 'old', 'X-One', '1']
      const pairs = [['Host', 'a.example'], ['traceparent', 'old'], ['X-One', '1']]
      const answers = [await send(Object.freeze(mine)), await send({ host: 'a.example', TraceParent: 'old' })]
      const nested = await send(pairs).catch(String)
      await s.close()
      const count = (raw) => raw.filter((name) => /^traceparent$/i.test(name)).length
      return [answers.map(count), count(nested), answers.some((raw) => raw.includes('old')), mine.length, ours.takeSpans().filter((span) => span.kind === 1).every((span) => span.parentSpanId)]
    })`)
    expect(out).toEqual([[1, 1], 1, false, 6, true])
  })

  it('health checks and what they call are counted and not traced, nor measured', async () => {
    const out = await see(
      `main(async () => {
        const leaf = await serve((request, response) => response.end(String(request.headers.traceparent)))
        const s = await serve(async (request, response) => response.end((await ask(leaf.url + '/leaf')).body))
        const answers = [await ask(s.url + '/healthz'), await ask(s.url + '/deep/a/status?x=1'), await ask(s.url + '/x', { headers: { 'user-agent': 'kube-probe/1.31' } })]
        await s.close(); await leaf.close(); await settle()
        return [answers.map(({ body }) => body), ours.counters.probes, ours.takeSpans().map((span) => [span.kind, span.attributes['url.path'] ?? '']), ours.sources[0].collect().map(({ count }) => count)]
      })`,
      {
        HTTP_TEST_CONFIG: JSON.stringify({
          probePaths: ['/healthz', '/deep/*/status'],
          probeUserAgents: ['kube-probe/'],
        }),
      },
    )
    const [answers, probes, spans, counts] = out
    expect(answers).toEqual(['undefined', 'undefined', 'undefined'])
    expect(probes).toBe(3)
    // The three requests to the probes, made outside of any of them, and the leaf that nobody told about a trace.
    expect(spans.filter(([kind]: [number]) => kind === 2)).toHaveLength(3)
    expect(spans.filter(([kind, path]: [number, string]) => kind === 1 && path !== '/leaf')).toEqual([])
    expect(counts).toEqual([3])
  })

  it('the inbound request id is an attribute and a context value, unless it is not fit for a log line', async () => {
    const out = await see(`main(async () => {
      const seen = []
      const s = await serve((request, response) => {
        seen.push(api.context.active().getValue(Symbol.for('org.otel.request-id')) ?? null)
        response.end('ok')
      })
      for (const id of ['abc-1', 'two words', 'x'.repeat(300)]) await ask(s.url, { headers: { 'x-request-id': id } })
      await s.close(); await settle()
      return [seen, ours.takeSpans().filter((span) => span.kind === 1).map((span) => span.attributes['http.request.header.x-request-id'] ?? null)]
    })`)
    expect(out).toEqual([
      ['abc-1', null, null],
      [['abc-1'], null, null],
    ])
  })

  it('what is marked untraced or made in a suppressed context is left alone', async () => {
    const spans = await see(`main(async () => {
      const untraced = Symbol.for('org.otel.untraced')
      const s = await serve((request, response) => response.end(String(request.headers.traceparent)))
      s.server[untraced] = true
      const agent = new http.Agent(); agent[untraced] = true
      const { suppressTracing } = require('@opentelemetry/core')
      const out = [
        await ask(s.url, { agent }),
        await ask(s.url, { [untraced]: true, agent: undefined }),
        await api.context.with(suppressTracing(api.context.active()), () => ask(s.url)),
        await api.context.with(suppressTracing(api.context.active()), async () => ({ body: await (await fetch(s.url)).text() })),
      ]
      await s.close(); await settle()
      return [out.map(({ body }) => body), ours.takeSpans().length]
    })`)
    expect(spans).toEqual([['undefined', 'undefined', 'undefined', 'undefined'], 0])
  })

  it('neither https, http2, tls nor undici is loaded, and no global appears', async () => {
    const source = `const globals = () => Reflect.ownKeys(globalThis).map(String).filter((key) => !key.includes('opentelemetry')).sort()
    console.log(JSON.stringify([process.moduleLoadList.filter((name) => /(https|http2|tls|undici)$/.test(name)), globals()]))`
    const [a, b] = await Promise.all([
      runScript(bin, undefined, source),
      runScript(bin, built.preload, source),
    ])
    expect(b).toEqual(a)
  })

  it('functions imported by name into an ES module are traced', async () => {
    const source = `import { createServer, get } from 'node:http'
      import { createRequire } from 'node:module'
      const ours = createRequire(process.env.OURS)(process.env.OURS)
      const server = createServer((request, response) => response.end(String(request.headers.traceparent !== undefined)))
      server.listen(0, '127.0.0.1', () => {
        get({ port: server.address().port, host: '127.0.0.1', agent: false }, response => {
          response.on('data', chunk => console.log(String(chunk)))
          response.on('close', () => server.close(() => console.log(ours.takeSpans().map(({ kind }) => kind).sort().join())))
        })
      })`
    const { stdout, stderr } = await runScript(bin, built.preload, source, { OURS: built.preload }, [
      '--input-type=module',
    ])
    expect(stderr).toBe('')
    expect(stdout).toBe('true\n1,2\n')
  })

  it('detaching takes everything back', async () => {
    const out = await see(`main(async () => {
      const prototypes = [http.Server, http.ServerResponse, http.IncomingMessage, http.ClientRequest, https.Server].map(({ prototype }) => prototype)
      await (await serve(() => {}, { module: https, options: require('./programs/certificate.cjs') })).close()
      ours.detach()
      const s = await serve((request, response) => response.end(String(request.headers.traceparent)))
      const answers = [(await ask(s.url)).body, await (await fetch(s.url)).text()]
      await s.close(); await settle()
      return [prototypes.filter((prototype) => Object.hasOwn(prototype, 'emit')).length, Object.hasOwn(http.ClientRequest.prototype, '_storeHeader'), answers, ours.takeSpans().length]
    })`)
    expect(out).toEqual([0, false, ['undefined', 'undefined'], 0])
  })

  it.each([
    ['--frozen-intrinsics'],
    ['--disallow-code-generation-from-strings'],
    ['--unhandled-rejections=strict'],
    ['--throw-deprecation'],
    ['--pending-deprecation'],
  ])('works under %s', async flag => {
    const source = `main(async () => {
      const s = await serve(async (request, response) => response.end('ok'))
      const out = [await ask(s.url), await (await fetch(s.url)).text()]
      await s.close()
      return out
    })`
    const { stdout, stderr } = await withUs(source, {}, [flag, '--disable-warning=ExperimentalWarning'])
    expect(stderr).not.toContain('[otel]')
    expect(JSON.parse(stdout)).toEqual([{ status: 200, body: 'ok' }, 'ok'])
  })
})

describe('memory', () => {
  const { bin } = nodes.at(-1) as { bin: string }
  const measure = async (source: string): Promise<[number, number]> => {
    const flags = ['--expose-gc']
    const [a, b] = await Promise.all([
      runScript(bin, undefined, lib + source, {}, flags),
      runScript(bin, built.preload, lib + source, { OURS: built.preload }, flags),
    ])
    return [Number(a.stdout), Number(b.stdout)]
  }

  it('a resource made in a request and never released keeps at most 400 bytes of ours', async () => {
    const [plain, traced] = await measure(`main(async () => {
      const { AsyncResource } = require('node:async_hooks')
      const kept = []
      const s = await serve((request, response) => { kept.push(new AsyncResource('kept')); response.end('ok') })
      const agent = new http.Agent({ keepAlive: true })
      const load = async (count) => { for (let i = 0; i < count; i += 50) await Promise.all(Array.from({ length: 50 }, () => ask(s.url + '/some/path?query=1', { agent }))) }
      await load(2000)
      const clean = async () => { ours?.takeSpans(); for (let i = 0; i < 4; i++) { globalThis.gc(); await settle() } return process.memoryUsage().heapUsed }
      const before = await clean(); const count = kept.length
      await load(6000)
      return Math.round((await clean() - before) / (kept.length - count))
    })`)
    expect(traced - plain).toBeLessThanOrEqual(400)
  }, 60_000)

  it('responses that nobody reads leave nothing of ours behind', async () => {
    const [plain, traced] = await measure(`main(async () => {
      const s = await serve((request, response) => response.end('x'.repeat(100)))
      const load = async (count) => {
        for (let i = 0; i < count; i += 50)
          await Promise.all(Array.from({ length: 50 }, () => new Promise((resolve) => http.get(s.url, { agent: false }).on('close', resolve))))
      }
      await load(500)
      const clean = async () => { ours?.takeSpans(); for (let i = 0; i < 4; i++) { globalThis.gc(); await settle() } return process.memoryUsage().heapUsed }
      const before = await clean()
      await load(3000)
      return Math.round((await clean() - before) / 3000)
    })`)
    expect(traced - plain).toBeLessThanOrEqual(100)
  }, 60_000)
})
