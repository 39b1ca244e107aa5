// The page of an unmodified application, over real sockets, for every client library we know.
import { createServer, type Server } from 'node:http'
import { patchPromClient } from '../src/prom-client.ts'
import { unwatchScrapes } from '../src/scrape.ts'
import { shared } from '../src/shared.ts'
import { close, listen, prometheusAccept, scrape } from './http.ts'
import { inFailedSpan, inSpan, unsampled, useContexts } from './spans.ts'
import { type ParsedSample, parseOpenMetrics } from './strict-parser.ts'

const libraries = ['prom-client', 'prom-client-14', '@prometheus-io/client', '@platformatic/prom-client']
const openType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const servers: Server[] = []

useContexts()
// Node's channels outlive the test file.
afterAll(unwatchScrapes)
afterAll(() => Promise.all(servers.map(close)))
afterEach(() => {
  shared.options.intervalMs = 1000
  shared.options.labels = undefined
  expect(shared.failures).toBe(0)
})

describe.each(libraries)('%s', name => {
  const client = require(name)
  const expectedRemovals = tryRemovals(client)
  expect(patchPromClient(client)).toBeUndefined()

  async function serve(registry: any): Promise<Server> {
    const server = createServer(async (_request, response) => {
      response.setHeader('Content-Type', registry.contentType)
      response.end(await registry.metrics())
    })
    servers.push(await listen(server))
    return server
  }

  function samplesOf(text: string, metric: string): ParsedSample[] {
    return parseOpenMetrics(text)
      .flatMap(family => family.samples)
      .filter(sample => sample.name.startsWith(metric))
  }

  function exemplars(text: string, metric: string): (string | undefined)[] {
    return samplesOf(text, metric).flatMap(sample =>
      sample.exemplar ? [sample.exemplar.labels.span_id] : [],
    )
  }

  test('every way to observe leads to the active span', async () => {
    const registers = [new client.Registry()]
    const histogram = new client.Histogram({
      name: 'h_seconds',
      help: 'h',
      labelNames: ['b', 'a'],
      registers,
    })
    const bare = new client.Histogram({ name: 'bare_seconds', help: 'h', buckets: [1, 2], registers })
    const ways: [string, (h: any) => void][] = [
      ['observe(labels, value)', () => histogram.observe({ a: 'observe', b: 'x' }, 0.2)],
      ['labels(...).observe', () => histogram.labels('x', 'children').observe(0.2)],
      ['labels({}).observe', () => histogram.labels({ a: 'object' }).observe(0.2)],
      ['startTimer', () => histogram.startTimer({ a: 'timer' })()],
      ['startTimer with end labels', () => histogram.startTimer()({ a: 'end' })],
      ['labels().startTimer', () => histogram.labels('x', 'timed').startTimer()()],
      ['observe(value)', () => bare.observe(0.5)],
      ['observe(undefined, value)', () => bare.observe(undefined, 1.5)],
      ['above the last bucket', () => bare.observe(7)],
    ]
    const spans = ways.map(([way, fn]) => [way, inSpan(() => fn(histogram)).spanId])
    const { text } = await scrape(await serve(registers[0]), { accept: prometheusAccept })
    const found = [...exemplars(text, 'h_seconds'), ...exemplars(text, 'bare_seconds')]
    expect(found.sort()).toEqual(spans.map(([, id]) => id).sort())
  })

  test('every way to count leads to the active span', async () => {
    const registers = [new client.Registry()]
    const counter = new client.Counter({ name: 'c_total', help: 'c', labelNames: ['a'], registers })
    const bare = new client.Counter({ name: 'bare_total', help: 'c', registers })
    const spans = [
      inSpan(() => counter.inc({ a: '1' })),
      inSpan(() => counter.inc({ a: '2' }, 3)),
      inSpan(() => counter.labels('3').inc()),
      inSpan(() => counter.labels({ a: '4' }).inc(2)),
      inSpan(() => bare.inc()),
    ]
    inSpan(() => bare.inc(0))
    const { text } = await scrape(await serve(registers[0]), { accept: prometheusAccept })
    const found = [...exemplars(text, 'c_total'), ...exemplars(text, 'bare_total')]
    expect(found.sort()).toEqual(spans.map(({ spanId }) => spanId).sort())
    expect(samplesOf(text, 'c_total')[1]?.exemplar?.value).toBe(3)
  })

  test('an unsampled span and no span leave no exemplar', async () => {
    const registers = [new client.Registry()]
    const histogram = new client.Histogram({ name: 'h', help: 'h', registers })
    histogram.observe(1)
    inSpan(() => histogram.observe(2), 'work', unsampled)
    const { text } = await scrape(await serve(registers[0]), { accept: prometheusAccept })
    expect(samplesOf(text, 'h_count')[0]?.value).toBe(2)
    expect(exemplars(text, 'h')).toEqual([])
  })

  test('the plain page is the same bytes with and without exemplars, before and after an OpenMetrics scrape', async () => {
    const registry = fill(new client.Registry(), client)
    const expected = await registry.metrics()
    const server = await serve(registry)
    const plain = await scrape(server, { accept: 'text/plain;version=0.0.4' })
    expect(plain.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(plain.text).toBe(expected)
    const open = await scrape(server, { accept: prometheusAccept })
    expect(open.headers['content-type']).toBe(openType)
    expect((await scrape(server)).text).toBe(expected)
    expect(await registry.metrics()).toBe(expected)
    expect(JSON.stringify(await registry.getMetricsAsJSON())).not.toContain('trace_id')
  })

  test('both formats name the same series with the same values', async () => {
    const registry = fill(new client.Registry(), client)
    const server = await serve(registry)
    const [open, plain] = await Promise.all([scrape(server, { accept: prometheusAccept }), scrape(server)])
    const fromOpen = parseOpenMetrics(open.text).flatMap(family => family.samples)
    const fromPlain = plain.text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    expect(fromOpen.length).toBe(fromPlain.length)
    const key = (sample: ParsedSample) => [sample.name, Object.entries(sample.labels).sort(), sample.value]
    const plainSamples = fromPlain.map(line => parsePlain(line))
    expect(fromOpen.map(key)).toEqual(plainSamples.map(key))
  })

  test('plain and OpenMetrics scrapes at the same time each get their own format', async () => {
    const registry = fill(new client.Registry(), client)
    new client.Gauge({
      name: 'slow',
      help: 'answers in random order',
      registers: [registry],
      async collect(this: any) {
        await new Promise(resolve => setTimeout(resolve, Math.random() * 5))
        this.set(1)
      },
    })
    const server = await serve(registry)
    const accepts = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? prometheusAccept : 'text/plain'))
    const pages = await Promise.all(accepts.map(accept => scrape(server, { accept })))
    for (const [i, page] of pages.entries()) {
      expect(page.headers['content-type']).toBe(i % 2 === 0 ? openType : registry.contentType)
      expect(page.text.includes('# EOF')).toBe(i % 2 === 0)
      expect(page.text.includes('trace_id')).toBe(i % 2 === 0)
    }
    expect(new Set(pages.map(page => page.text)).size).toBe(2)
  })

  test('a scraper with a garbage Accept header gets the plain page', async () => {
    const server = await serve(fill(new client.Registry(), client))
    const garbage = [
      ',,;;q=,',
      'application/openmetrics-text;q=nonsense',
      '*/*',
      'openmetrics-text',
      '\u00ff'.repeat(50),
    ]
    for (const accept of [...garbage, `application/openmetrics-text,${'x'.repeat(5000)}`]) {
      const page = await scrape(server, { accept })
      expect([page.status, page.headers['content-type']]).toEqual([
        200,
        'text/plain; version=0.0.4; charset=utf-8',
      ])
    }
  })

  test('of several observations in a bucket the error is shown, else the slowest', async () => {
    const registers = [new client.Registry()]
    const histogram = new client.Histogram({ name: 'h', help: 'h', buckets: [1, 2], registers })
    inSpan(() => histogram.observe(0.5))
    const slow = inSpan(() => histogram.observe(0.9))
    inSpan(() => histogram.observe(0.7))
    const failed = inFailedSpan(() => histogram.observe(1.1))
    inSpan(() => histogram.observe(1.9))
    const { text } = await scrape(await serve(registers[0]), { accept: prometheusAccept })
    expect(exemplars(text, 'h_bucket')).toEqual([slow.spanId, failed.spanId])
  })

  test('a bucket shows at most one new exemplar per interval, to every scraper the same', async () => {
    shared.options.intervalMs = 60_000
    const registers = [new client.Registry()]
    const histogram = new client.Histogram({ name: 'h', help: 'h', buckets: [1], registers })
    const server = await serve(registers[0])
    const first = inSpan(() => histogram.observe(0.5))
    expect(exemplars((await scrape(server, { accept: prometheusAccept })).text, 'h')).toEqual([first.spanId])
    const second = inSpan(() => histogram.observe(0.9))
    expect(exemplars((await scrape(server, { accept: prometheusAccept })).text, 'h')).toEqual([first.spanId])
    shared.options.intervalMs = 0
    expect(exemplars((await scrape(server, { accept: prometheusAccept })).text, 'h')).toEqual([second.spanId])
  })

  test('labels over the limit of 128 characters are left out, and nobody gets an exception', async () => {
    shared.options.labels = () => ({
      tenant: 'a',
      'not a label': 'x',
      note: 'y'.repeat(100),
      trace_id: 'forged',
    })
    const registers = [new client.Registry()]
    const histogram = new client.Histogram({ name: 'h', help: 'h', buckets: [1], registers })
    const { traceId, spanId } = inSpan(() => histogram.observe(0.5))
    const { text } = await scrape(await serve(registers[0]), { accept: prometheusAccept })
    expect(samplesOf(text, 'h_bucket')[0]?.exemplar?.labels).toEqual({
      trace_id: traceId,
      span_id: spanId,
      tenant: 'a',
    })
  })

  test('arguments, results and errors of the patched methods are what they were', () => {
    const registers = [new client.Registry()]
    const histogram = new client.Histogram({ name: 'h', help: 'h', labelNames: ['a'], registers })
    const counter = new client.Counter({ name: 'c', help: 'c', registers })
    inSpan(() => {
      expect(() => histogram.observe({ nope: '1' }, 1)).toThrow(/label/)
      expect(() => histogram.observe({ a: '1' }, 'x')).toThrow('Value is not a valid number')
      expect(() => counter.inc(-1)).toThrow('It is not possible to decrease a counter')
      expect(histogram.startTimer({ a: '1' })()).toBeGreaterThan(0)
    })
    expect(histogram.observe.length).toBe(2)
  })

  const removals: [string, (histogram: any, registry: any) => void][] = [
    ['remove(values)', histogram => histogram.remove('1', 'x')],
    ['remove(labels)', histogram => histogram.remove({ a: '1', b: 'x' })],
    ['zero', histogram => histogram.zero({ a: '1', b: 'x' })],
    ['reset', histogram => histogram.reset()],
    ['Registry.resetMetrics', (_histogram, registry) => registry.resetMetrics()],
  ]
  test.each(removals)(
    '%s takes the exemplars of the series, and those that follow are its own',
    async (_way, remove) => {
      const registry = new client.Registry()
      const histogram = new client.Histogram({
        name: 'h',
        help: 'h',
        labelNames: ['a', 'b'],
        registers: [registry],
      })
      const labels = { a: '1', b: 'x' }
      const server = await serve(registry)
      const found = async () => exemplars((await scrape(server, { accept: prometheusAccept })).text, 'h')
      shared.options.intervalMs = 0
      const old = inSpan(() => histogram.observe(labels, 1))
      expect(await found()).toEqual([old.spanId])
      remove(histogram, registry)
      histogram.observe(labels, 1)
      expect(await found()).toEqual([])
      const renewed = inSpan(() => histogram.observe(labels, 1))
      expect(await found()).toEqual([renewed.spanId])
    },
  )

  test('a metric of the same name, after removeSingleMetric or clear, starts without exemplars', async () => {
    const registry = new client.Registry()
    const server = await serve(registry)
    const make = () => new client.Counter({ name: 'jobs_total', help: 'j', registers: [registry] })
    for (const forget of [() => registry.removeSingleMetric('jobs_total'), () => registry.clear()]) {
      const { spanId } = inSpan(() => make().inc())
      const { text } = await scrape(server, { accept: prometheusAccept })
      expect(exemplars(text, 'jobs')).toEqual([spanId])
      forget()
      make().inc()
      expect(exemplars((await scrape(server, { accept: prometheusAccept })).text, 'jobs')).toEqual([])
      registry.clear()
    }
  })

  test('a label object that the application changes and uses again leads each series to its own span', async () => {
    const registers = [new client.Registry()]
    const histogram = new client.Histogram({ name: 'h', help: 'h', labelNames: ['a'], registers })
    const labels = { a: '' }
    const names = ['one', 'two', 'three']
    const spans = names.map(a => {
      labels.a = a
      // Started, changed, ended: prom-client reads it at the end.
      return inSpan(() => {
        const end = histogram.startTimer(labels)
        labels.a = a
        end()
        labels.a = 'changed'
      })
    })
    const { text } = await scrape(await serve(registers[0]), { accept: prometheusAccept })
    const found = samplesOf(text, 'h_bucket').flatMap(({ labels, exemplar }) =>
      exemplar ? [[labels.a, exemplar.labels.span_id]] : [],
    )
    expect(found).toEqual(names.map((a, i) => [a, spans[i]!.spanId]))
  })

  test('a label object that prom-client keeps, changed behind its back, leads nowhere rather than elsewhere', async () => {
    const registers = [new client.Registry()]
    const counter = new client.Counter({ name: 'c_total', help: 'c', labelNames: ['a'], registers })
    const labels = { a: 'one' }
    inSpan(() => counter.inc(labels))
    labels.a = 'other'
    const server = await serve(registers[0])
    const { text } = await scrape(server, { accept: prometheusAccept })
    expect(samplesOf(text, 'c_total')).toMatchObject([{ labels: { a: 'other' }, value: 1 }])
    expect(exemplars(text, 'c_total')).toEqual([])
    expect((await scrape(server)).text).toContain('c_total{a="other"} 1')
  })

  test('requests that take turns each leave their own span, though they share metric and labels', async () => {
    const registers = [new client.Registry()]
    const bounds = Array.from({ length: 10 }, (_, i) => i + 1)
    const histogram = new client.Histogram({
      name: 'h',
      help: 'h',
      labelNames: ['a'],
      buckets: bounds,
      registers,
    })
    const spans = await Promise.all(
      bounds.map(
        bound =>
          new Promise<string>(resolve => {
            const { spanId } = inSpan(() => {
              setImmediate(() => {
                histogram.observe({ a: 'x' }, bound - 0.5)
                setImmediate(() => {
                  histogram.observe({ a: 'x' }, bound)
                  resolve(spanId)
                })
              })
            })
          }),
      ),
    )
    const { text } = await scrape(await serve(registers[0]), { accept: prometheusAccept })
    expect(exemplars(text, 'h_bucket')).toEqual(spans)
  })

  test('a slow observation gives way to a newer one when its trace may be gone', async () => {
    const registers = [new client.Registry()]
    const histogram = new client.Histogram({ name: 'h', help: 'h', buckets: [1], registers })
    const server = await serve(registers[0])
    const now = jest.spyOn(Date, 'now').mockReturnValue(1_790_000_000_000)
    try {
      inSpan(() => histogram.observe(0.9))
      now.mockReturnValue(1_790_000_061_000)
      const { spanId } = inSpan(() => {
        for (let i = 0; i < 256; i++) histogram.observe(0.1)
      })
      const { text } = await scrape(server, { accept: prometheusAccept })
      expect(exemplars(text, 'h_bucket')).toEqual([spanId])
    } finally {
      now.mockRestore()
    }
  })

  test('removing what is not there, or naming no labels, throws what it throws without us', () => {
    expect(tryRemovals(client)).toEqual(expectedRemovals)
  })
})

/** What becomes of calls that name a series badly. */
function tryRemovals(client: any): string[] {
  return [client.Histogram, client.Counter].flatMap(Metric => {
    const metric = new Metric({ name: 'm', help: 'm', labelNames: ['a', 'b'], registers: [] })
    const calls = [
      () => metric.zero?.(),
      () => metric.remove(),
      () => metric.remove(null),
      () => metric.remove({}),
      () => metric.remove('never', 'seen'),
      () => metric.remove(Symbol('a'), 'b'),
    ]
    return calls.map(call => {
      inSpan(() => (metric.observe ?? metric.inc).call(metric, { a: 'x' }, 1))
      try {
        return `gave ${call()}`
      } catch (error) {
        return `threw ${(error as Error).message}`
      }
    })
  })
}

function fill(registry: any, client: any): any {
  const registers = [registry]
  client.collectDefaultMetrics?.({ register: new client.Registry() })
  const histogram = new client.Histogram({
    name: 'request_duration_seconds',
    help: 'Line one\nline "two" \\ three',
    labelNames: ['method', 'path'],
    registers,
  })
  const hits = new client.Counter({ name: 'hits', help: 'no suffix', registers })
  const orders = new client.Counter({
    name: 'orders_total',
    help: 'with suffix',
    labelNames: ['kind'],
    registers,
  })
  // A gauge that has the name an OpenMetrics counter family would get.
  new client.Counter({ name: 'jobs_total', help: 'collides', registers }).inc()
  new client.Gauge({ name: 'jobs', help: 'collides', registers }).set(Number.NaN)
  new client.Summary({ name: 'sizes', help: 's', registers }).observe(3)
  new client.Gauge({ name: 'empty', help: 'no series', labelNames: ['x'], registers })
  inSpan(() => {
    histogram.observe({ method: 'GET', path: 'a "quoted" \\ path' }, 0.3)
    histogram.observe({ method: 'GET' }, 30)
    hits.inc()
    orders.inc({ kind: 'new' }, 2)
  })
  registry.setDefaultLabels({ pod: 'p1', method: 'weaker' })
  return registry
}

function parsePlain(line: string): ParsedSample {
  const page = line.replace(/ Nan$/, ' NaN')
  const name = /^[a-zA-Z0-9_:]+/.exec(page)![0]
  return parseOpenMetrics(`# TYPE ${name} unknown\n${page}\n# EOF\n`)[0]!.samples[0]!
}
