// The page as frameworks, middleware and helpers of the ecosystem send it.
import { createServer, type Server } from 'node:http'
import { connect, createServer as createServer2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import fastifyCompress from '@fastify/compress'
import promBundle from 'express-prom-bundle'
import fastify from 'fastify'
import promClient from 'prom-client'
import { patchPromClient } from '../src/prom-client.ts'
import { unwatchScrapes } from '../src/scrape.ts'
import { shared } from '../src/shared.ts'
import { close, listen, type Page, prometheusAccept, scrape } from './http.ts'
import { inSpan, useContexts } from './spans.ts'
import { parseOpenMetrics } from './strict-parser.ts'

// No types: these two are tested, not written against.
const compression: any = require('compression')
const express: any = require('express')

const openType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const plainType = 'text/plain; version=0.0.4; charset=utf-8'
const servers: Server[] = []

useContexts()
// Node's channels outlive the test file.
afterAll(unwatchScrapes)
patchPromClient(promClient)
shared.options.intervalMs = 0
afterAll(async () => {
  await Promise.all(servers.map(close))
  expect(shared.failures).toBe(0)
})

function createRegistry(name = 'work_seconds') {
  const registry = new promClient.Registry()
  const histogram = new promClient.Histogram({ name, help: 'h', registers: [registry] })
  const { spanId } = inSpan(() => histogram.observe(0.2))
  // Enough text that middleware finds it worth compressing.
  new promClient.Gauge({ name: `${name}_filler`, help: 'x'.repeat(3000), registers: [registry] })
  return { registry, spanId }
}

async function start(handler: any): Promise<Server> {
  const server = await listen(createServer(handler))
  servers.push(server)
  return server
}

function expectOpen(page: Page, ...spanIds: string[]): void {
  expect(page.headers['content-type']).toBe(openType)
  const samples = parseOpenMetrics(page.text).flatMap(family => family.samples)
  const found = samples.flatMap(sample => (sample.exemplar ? [sample.exemplar.labels.span_id] : []))
  expect(found).toEqual(spanIds)
}

type Send = (response: any, registry: promClient.Registry) => Promise<unknown>
const styles: [string, Send][] = [
  ['set and end', async (res, reg) => res.set('Content-Type', reg.contentType).end(await reg.metrics())],
  ['hard-coded type and send', async (res, reg) => res.type('text/plain').send(await reg.metrics())],
  ['send without a type', async (res, reg) => res.send(await reg.metrics())],
  [
    'writeHead with headers',
    async (res, reg) => {
      const text = await reg.metrics()
      res
        .writeHead(200, { 'content-type': reg.contentType, 'Content-Length': Buffer.byteLength(text) })
        .end(text)
    },
  ],
  [
    'writeHead with an array',
    async (res, reg) => {
      res.writeHead(200, 'fine', ['Content-Type', reg.contentType, 'X-Kept', 'yes']).end(await reg.metrics())
    },
  ],
  [
    'write and end',
    async (res, reg) => {
      const text = await reg.metrics()
      res.set('Content-Type', reg.contentType)
      res.write(text.slice(0, 50))
      res.write(Buffer.from(text.slice(50)))
      res.end()
    },
  ],
  [
    'a Buffer with a callback',
    async (res, reg) => {
      const text = Buffer.from(await reg.metrics())
      await new Promise<void>(resolve => res.set('Content-Length', String(text.length)).end(text, resolve))
    },
  ],
]

test.each(styles)('express, %s', async (_name, send) => {
  const { registry, spanId } = createRegistry()
  const app = express()
  app.get(
    '/metrics',
    (_request: unknown, response: any, next: () => void) => void send(response, registry).catch(next),
  )
  const server = await start(app)
  // writeHead with an array sends its headers before the text is known.
  if (_name === 'writeHead with an array') {
    const page = await scrape(server, { accept: prometheusAccept })
    expect([page.headers['content-type'], page.text]).toEqual([plainType, (await scrape(server)).text])
  } else {
    expectOpen(await scrape(server, { accept: prometheusAccept }), spanId)
  }
  const plain = await scrape(server)
  expect(plain.text).toBe(await registry.metrics())
  expect(plain.text).not.toContain('# EOF')
})

describe('several registries', () => {
  const one = createRegistry('one_seconds')
  const two = createRegistry('two_seconds')
  const both: [string, Send][] = [
    [
      'concatenated',
      async res =>
        res.type('text/plain').send((await one.registry.metrics()) + (await two.registry.metrics())),
    ],
    [
      'joined by an empty line',
      async res => res.end([await one.registry.metrics(), await two.registry.metrics()].join('\n')),
    ],
    [
      'written one after the other',
      async res => {
        res.write(await one.registry.metrics())
        res.end(await two.registry.metrics())
      },
    ],
    [
      'with a length',
      async res => {
        const text = (await one.registry.metrics()) + (await two.registry.metrics())
        res.set('Content-Length', String(Buffer.byteLength(text))).end(text)
      },
    ],
    [
      'with a length given to writeHead',
      async res => {
        const text = (await one.registry.metrics()) + (await two.registry.metrics())
        res.writeHead(200, { 'Content-Length': Buffer.byteLength(text) }).end(text)
      },
    ],
    [
      'at once',
      async res =>
        res.send((await Promise.all([one, two].map(({ registry }) => registry.metrics()))).join('')),
    ],
    [
      'merged',
      async res => res.send(await promClient.Registry.merge([one.registry, two.registry]).metrics()),
    ],
  ]
  test.each(both)('%s give one page with one end', async (_name, send) => {
    const app = express()
    app.get('/metrics', (_request: unknown, response: any) => void send(response, one.registry))
    expectOpen(await scrape(await start(app), { accept: prometheusAccept }), one.spanId, two.spanId)
  })
})

test('text the application adds behind the page stays in front of the end', async () => {
  const { registry, spanId } = createRegistry()
  const server = await start(async (_: unknown, response: any) =>
    response.end(`${await registry.metrics()}up 1\n`),
  )
  const page = await scrape(server, { accept: prometheusAccept })
  expect(page.text.endsWith('up 1\n# EOF\n')).toBe(true)
  expect(page.text).toContain(spanId)
})

test('our text inside of JSON, and a failed response, keep the type the application gave', async () => {
  const { registry } = createRegistry()
  const app = express()
  app.get(
    '/json',
    async (_request: unknown, response: any) => void response.json({ page: await registry.metrics() }),
  )
  app.get(
    '/failed',
    async (_request: unknown, response: any) => void response.status(503).send(await registry.metrics()),
  )
  const server = await start(app)
  const json = await scrape(server, { path: '/json', accept: prometheusAccept })
  expect(json.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(typeof JSON.parse(json.text).page).toBe('string')
  const failed = await scrape(server, { path: '/failed', accept: prometheusAccept })
  expect([failed.status, failed.headers['content-type']]).toEqual([503, 'text/html; charset=utf-8'])
})

test('a response that has begun, and a context that outlives its response, get the plain page', async () => {
  const { registry } = createRegistry()
  let late: Promise<string> | undefined
  const server = await start(async (_: unknown, response: any) => {
    response.writeHead(200, { 'content-type': plainType })
    response.end(await registry.metrics())
    late = registry.metrics()
  })
  const page = await scrape(server, { accept: prometheusAccept })
  expect([page.headers['content-type'], page.text]).toEqual([plainType, await registry.metrics()])
  expect(await late).toBe(page.text)
})

test('a collector that throws rejects as it does without us', async () => {
  const { registry } = createRegistry()
  let calls = 0
  new promClient.Gauge({
    name: 'bad',
    help: 'b',
    registers: [registry],
    collect() {
      calls++
      throw new Error('collect failed')
    },
  })
  const server = await start(async (_: unknown, response: any) => {
    response.end(await registry.metrics().catch((error: Error) => error.message))
  })
  const page = await scrape(server, { accept: prometheusAccept })
  expect(page.text).toBe('collect failed')
  expect(page.headers['content-type']).not.toBe(openType)
  expect(calls).toBeGreaterThan(0)
})

test('express with compression', async () => {
  const one = createRegistry('one_seconds')
  const two = createRegistry('two_seconds')
  const app = express().use(compression())
  app.get('/metrics', async (_request: unknown, response: any) => {
    response.send((await one.registry.metrics()) + (await two.registry.metrics()))
  })
  const page = await scrape(await start(app), {
    accept: prometheusAccept,
    headers: { 'accept-encoding': 'gzip' },
  })
  expect(page.headers['content-encoding']).toBe('gzip')
  expectOpen(page, one.spanId, two.spanId)
})

test('express-prom-bundle', async () => {
  const registry = new promClient.Registry()
  const app = express().use(promBundle({ includeMethod: true, promRegistry: registry as never }))
  app.get('/work', (_request: unknown, response: any) => void response.send('done'))
  const { spanId } = inSpan(() => {})
  const server = await start((request: any, response: any) => inSpan(() => app(request, response)))
  await scrape(server, { path: '/work' })
  const page = await scrape(server, { accept: prometheusAccept })
  expect(page.headers['content-type']).toBe(openType)
  const samples = parseOpenMetrics(page.text).flatMap(family => family.samples)
  const exemplars = samples.filter(sample => sample.exemplar !== undefined)
  expect(exemplars.map(sample => sample.name)).toContain('http_request_duration_seconds_bucket')
  expect(exemplars[0]?.exemplar?.labels.span_id).not.toBe(spanId)
})

describe('fastify', () => {
  const apps: { close(): Promise<void> }[] = []
  afterAll(() => Promise.all(apps.map(app => app.close())))

  async function open(setUp: (app: any) => Promise<unknown>): Promise<Server> {
    const app = fastify()
    apps.push(app)
    await setUp(app)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  }

  test('sends the page from a handler', async () => {
    const { registry, spanId } = createRegistry()
    const server = await open(async app =>
      app.get('/metrics', async (_: unknown, reply: any) =>
        reply.type(registry.contentType).send(await registry.metrics()),
      ),
    )
    expectOpen(await scrape(server, { accept: prometheusAccept }), spanId)
    const plain = await scrape(server)
    expect([plain.headers['content-type'], plain.text]).toEqual([plainType, await registry.metrics()])
  })

  test('compresses the page', async () => {
    const { registry, spanId } = createRegistry()
    const server = await open(async app => {
      await app.register(fastifyCompress)
      app.get('/metrics', async (_: unknown, reply: any) =>
        reply.type(registry.contentType).send(await registry.metrics()),
      )
    })
    const page = await scrape(server, { accept: prometheusAccept, headers: { 'accept-encoding': 'gzip' } })
    expect(page.headers['content-encoding']).toBe('gzip')
    expectOpen(page, spanId)
  })

  test('pages of two registries, joined and compressed before they can be told apart, are plain after one scrape', async () => {
    const [one, two] = [createRegistry(), createRegistry()]
    const server = await open(async app => {
      await app.register(fastifyCompress)
      app.get('/joined', async (_: unknown, reply: any) =>
        reply.type('text/plain').send((await one.registry.metrics()) + (await two.registry.metrics())),
      )
      app.get('/merged', async (_: unknown, reply: any) =>
        reply.type('text/plain').send(await one.registry.metrics()),
      )
    })
    const ask = (path: string, encoding?: string) =>
      scrape(server, {
        path,
        accept: prometheusAccept,
        headers: encoding === undefined ? {} : { 'accept-encoding': encoding },
      })
    const clear = await ask('/joined')
    expect(clear.headers['content-type']).toBe(openType)
    expect(clear.text.match(/^# EOF$/gm)).toHaveLength(1)
    await ask('/joined', 'gzip')
    const next = await ask('/joined', 'gzip')
    expect(next.headers['content-type']).toMatch(/^text\/plain/)
    expect(next.text).toBe((await one.registry.metrics()) + (await two.registry.metrics()))
    expect((await ask('/merged', 'gzip')).headers['content-type']).toBe(openType)
  })

  test.each(['fastify-metrics', 'fastify-metrics-12'])('%s', async name => {
    // Version 14 brings @prometheus-io/client, 12 prom-client 15.
    const plugin = require(name)
    const server = await open(async app => {
      await app.register(plugin.default ?? plugin, {
        endpoint: '/metrics',
        defaultMetrics: { enabled: true },
      })
      // Loaded as an ES module it has a copy of the client that `require` does not see.
      patchPromClient(app.metrics.client)
      app.addHook('onRequest', (_request: unknown, _reply: unknown, done: () => void) => void inSpan(done))
      app.get('/work', async () => 'done')
    })
    await scrape(server, { path: '/work' })
    const page = await scrape(server, { accept: prometheusAccept })
    expect(page.headers['content-type']).toBe(openType)
    const samples = parseOpenMetrics(page.text).flatMap(family => family.samples)
    const exemplars = samples.filter(sample => sample.exemplar !== undefined)
    expect(exemplars.map(sample => sample.name)).toContain('http_request_duration_seconds_bucket')
    expect((await scrape(server)).headers['content-type']).toBe(plainType)
  })
})

test('the next request on a connection does not inherit the format of the last', async () => {
  const { registry } = createRegistry()
  const server = await start(async (_: unknown, response: any) => response.end(await registry.metrics()))
  const { port } = server.address() as AddressInfo
  const request = (accept: string) => `GET / HTTP/1.1\r\nhost: x\r\naccept: ${accept}\r\n\r\n`
  const text = await new Promise<string>((resolve, reject) => {
    const socket = require('node:net').connect(port, '127.0.0.1')
    let received = ''
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      received += chunk
      // Three answers have arrived when the third page is complete.
      if (received.split('HTTP/1.1 200').length === 4 && received.endsWith('\n')) {
        socket.destroy()
        resolve(received)
      }
    })
    socket.write(request('application/openmetrics-text') + request('text/plain') + request('text/plain'))
  })
  const answers = text.split('HTTP/1.1 200').slice(1)
  expect(answers.map(answer => answer.includes('# EOF'))).toEqual([true, false, false])
})

const hasStreams = Number(process.versions.node.split('.')[0]) >= 22
;(hasStreams ? describe : describe.skip)('http2', () => {
  const one = createRegistry('one_seconds')
  const two = createRegistry('two_seconds')
  const handlers: [string, (server: any) => void][] = [
    [
      'compatibility API',
      server =>
        server.on('request', async (_: unknown, response: any) => {
          response.setHeader('content-type', one.registry.contentType)
          response.end((await one.registry.metrics()) + (await two.registry.metrics()))
        }),
    ],
    [
      'stream API',
      server =>
        server.on('stream', async (stream: any) => {
          const text = (await one.registry.metrics()) + (await two.registry.metrics())
          stream.respond({ ':status': 200, 'content-type': one.registry.contentType })
          stream.end(text)
        }),
    ],
  ]
  test.each(handlers)('%s', async (_name, handle) => {
    const server = createServer2()
    handle(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const ask = (accept: string) =>
      new Promise<Page>((resolve, reject) => {
        const stream = session.request({ ':path': '/metrics', accept })
        let text = ''
        let headers: any
        stream.on('response', received => {
          headers = received
        })
        stream.on('data', chunk => {
          text += chunk
        })
        stream.on('error', reject)
        stream.on('end', () => resolve({ status: headers[':status'], headers, text }))
      })
    const [open, plain] = await Promise.all([ask(prometheusAccept), ask('text/plain')])
    expectOpen(open!, one.spanId, two.spanId)
    expect([plain!.headers['content-type'], plain!.text.includes('# EOF')]).toEqual([plainType, false])
    session.close()
    await new Promise<void>(resolve => void server.close(() => resolve()))
  })
})

test('a push to a Pushgateway from within a scrape is plain text', async () => {
  const { registry } = createRegistry()
  let pushed = ''
  let pushedType: string | undefined
  const gateway = await start((request: any, response: any) => {
    pushedType = request.headers['content-type']
    request.on('data', (chunk: Buffer) => {
      pushed += chunk
    })
    request.on('end', () => response.end())
  })
  const { port } = gateway.address() as AddressInfo
  const server = await start(async (_: unknown, response: any) => {
    await new promClient.Pushgateway(`http://127.0.0.1:${port}`, {}, registry).pushAdd({ jobName: 'j' })
    response.end(await registry.metrics())
  })
  const page = await scrape(server, { accept: prometheusAccept })
  expect(page.headers['content-type']).toBe(openType)
  expect(pushed).toBe(await registry.metrics())
  expect(pushedType).toBeUndefined()
})
