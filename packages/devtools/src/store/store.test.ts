import { type TestSpan, traceId, traceRequest } from '../../test/otlp.ts'
import { decodeJson } from '../receive/json.ts'
import { readLogs, readMetrics, readSpans } from '../receive/records.ts'
import { requests } from '../receive/schema.ts'
import { parseLogLine } from './json-line.ts'
import { watchFinished } from './quiet.ts'
import { Store } from './store.ts'

const spans = (list: readonly TestSpan[]) =>
  readSpans(decodeJson(JSON.stringify(traceRequest(list)), requests.traces))

const logs = (bodies: readonly string[]) =>
  readLogs({
    resourceLogs: [{ scopeLogs: [{ logRecords: bodies.map(text => ({ body: { stringValue: text } })) }] }],
  })

function points(name: string, value: number, route = '/'): ReturnType<typeof readMetrics> {
  const exemplar = {
    asDouble: value,
    traceId: traceId('a'),
    spanId: 'ab'.repeat(8),
    timeUnixNano: BigInt(value),
  }
  const attributes = [{ key: 'route', value: { stringValue: route } }]
  const dataPoints = [{ asDouble: value, attributes, exemplars: [exemplar] }]
  return readMetrics({
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints } }] }] }],
  })
}

test('beyond the number of traces the oldest go, and the store says how many', () => {
  const store = new Store({ traces: 3 })
  for (const trace of 'abcde')
    store.addSpans(
      spans([
        { trace, id: '1' },
        { trace, id: '2', parent: '1' },
      ]),
    )
  expect(store.traces().map(trace => trace.traceId)).toEqual(['c', 'd', 'e'].map(traceId))
  expect(store.dropped).toMatchObject({ traces: 2, spans: 4 })
})

test('beyond the bytes the oldest of any kind goes', () => {
  const store = new Store({ bytes: 20_000 })
  store.addSpans(spans([{ id: '1', attributes: { text: 'x'.repeat(5000) } }]))
  store.addLogs(logs(['y'.repeat(5000)]))
  store.addMetrics(points('m', 1))
  for (let i = 0; i < 3; i++) store.addLogs(logs([`${i}`.repeat(5000)]))
  expect(store.size.bytes).toBeLessThanOrEqual(20_000)
  expect(store.dropped).toMatchObject({ traces: 1, logs: 1 })
  expect(store.logs()).toHaveLength(3)
})

test('a trace that alone exceeds the spans keeps its first ones and counts the others', () => {
  const store = new Store({ spansPerTrace: 2 })
  store.addSpans(spans(['1', '2', '3', '4'].map(id => ({ id }))))
  expect(store.trace(traceId('a'))).toMatchObject({ droppedSpans: 2, spans: { length: 2 } })
  expect(store.dropped.spans).toBe(2)
})

test('points of a series are a ring, series are dropped by longest silence', () => {
  const store = new Store({ pointsPerSeries: 2, series: 2 })
  for (const value of [1, 2, 3]) store.addMetrics(points('old', value))
  expect(store.metrics('old')[0]!.points.map(point => point.value)).toEqual([2, 3])
  store.addMetrics(points('silent', 1))
  store.addMetrics(points('old', 4))
  store.addMetrics(points('new', 1))
  expect(store.metrics().map(series => series.name)).toEqual(['old', 'new'])
  expect(store.dropped).toMatchObject({ series: 1, points: 3 })
})

test('series are told apart by attributes, and an exemplar repeated by the exporter is one', () => {
  const store = new Store()
  store.addMetrics([...points('m', 1, '/a'), ...points('m', 1, '/b'), ...points('m', 2, '/a')])
  store.addMetrics(points('m', 2, '/a'))
  expect(store.metrics('m')).toHaveLength(2)
  expect(store.exemplars('m').map(exemplar => exemplar.value)).toEqual([1, 2])
})

test('queries combine their conditions', () => {
  const store = new Store()
  store.addSpans(
    spans([
      { id: '1', name: 'a', kind: 'server', ms: 10, attributes: { code: 200 } },
      { id: '2', name: 'b', kind: 'client', ms: 50, error: 'x', attributes: { code: 500 } },
    ]),
  )
  const names = (filter: Parameters<Store['spans']>[0]) => store.spans(filter).map(span => span.name)
  expect(names({ kind: 'server' })).toEqual(['a'])
  expect(names({ minMs: 20, error: true })).toEqual(['b'])
  expect(names({ name: /a|b/, attributes: { code: 200 } })).toEqual(['a'])
  expect(names({ attributes: { code: /^5/ } })).toEqual(['b'])
  expect(names({ attributes: { missing: 1 } })).toEqual([])
  expect(names({ traceId: traceId('z') })).toEqual([])
})

test('waitFor answers at the arrival, not at the next tick of a timer', async () => {
  const store = new Store()
  const waiting = store.waitFor(each => each.traces()[0], { timeoutMs: 1000 })
  store.addSpans(spans([{ id: '1' }]))
  expect((await waiting).spans).toHaveLength(1)
})

test('waitFor that ends without an answer says what there is', async () => {
  const store = new Store()
  store.addSpans(spans([{ id: '1' }]))
  await expect(store.waitFor(() => false, { timeoutMs: 10, describe: () => 'no luck' })).rejects.toThrow(
    'after 10 ms: no luck (received so far: 1 spans in 1 traces, 0 log records, 0 series)',
  )
})

test('a trace is finished when its root has come and it was quiet, and it is told once', async () => {
  const store = new Store()
  const finished: number[] = []
  const done = new Promise<void>(resolve => {
    watchFinished(
      store,
      trace => {
        finished.push(trace.spans.length)
        if (trace.traceId === traceId('b')) resolve()
      },
      { quietMs: 20, orphanMs: 40 },
    )
  })
  store.addSpans(spans([{ id: '2', parent: '1' }]))
  store.addSpans(spans([{ id: '1' }, { trace: 'b', id: '3', parent: '9' }]))
  // The watcher's timers do not keep a process alive; this one stands for the application.
  const alive = setInterval(() => {}, 1000)
  await done
  clearInterval(alive)
  expect(finished).toEqual([2, 1])
})

test.each([
  [
    'pino',
    '{"level":30,"time":1700000000123,"pid":1,"hostname":"h","msg":"paid","amount":5,"trace_id":"T","span_id":"S"}',
  ],
  [
    'winston',
    '{"level":"info","timestamp":"2023-11-14T22:13:20.123Z","message":"paid","amount":5,"trace_id":"T","span_id":"S"}',
  ],
])('a line of %s becomes a log record with its trace', (_, line) => {
  const text = line.replace('"T"', `"${traceId('a')}"`).replace('"S"', `"${'b'.repeat(16)}"`)
  expect(parseLogLine(text, 'svc')).toMatchObject({
    timeMs: 1_700_000_000_123,
    severity: 'INFO',
    severityNumber: 9,
    body: 'paid',
    attributes: { amount: 5 },
    traceId: traceId('a'),
    spanId: 'b'.repeat(16),
    service: 'svc',
  })
})

test('a line that is not a JSON object is not a log record', () => {
  expect(parseLogLine('listening 3000', 'svc')).toBeUndefined()
  expect(parseLogLine('[1]', 'svc')).toBeUndefined()
})
