import { send, type TestSpan, traceId } from '../../test/otlp.ts'
import { startReceiver } from '../receive/receiver.ts'
import type { Store } from '../store/store.ts'
import type { Trace } from '../store/trace.ts'
import { fingerprint, normalizeStatement } from './fingerprint.ts'
import { findInsights } from './insights.ts'
import { findLinked, renderTrace, renderTraceList } from './waterfall.ts'

async function receive(spans: readonly TestSpan[]): Promise<{ store: Store; trace: Trace }> {
  await using receiver = await startReceiver()
  expect((await send(receiver, spans)).status).toBe(200)
  return { store: receiver.store, trace: receiver.store.trace(traceId('a'))! }
}

const query = (i: number, at: number, ms: number): TestSpan => ({
  id: `q${i}`.replace('q', '9'),
  parent: '3',
  name: 'pg.query:SELECT ledger',
  kind: 'client',
  service: 'accounts-ledger',
  at,
  ms,
  attributes: {
    'db.system.name': 'postgresql',
    'db.query.text': `SELECT balance FROM accounts WHERE id = ${i}`,
  },
})

const payment: TestSpan[] = [
  { id: '1', name: 'POST /payments', kind: 'server', service: 'api-gateway', ms: 400 },
  { id: '2', parent: '1', name: 'POST', kind: 'client', service: 'api-gateway', at: 5, ms: 390 },
  { id: '3', parent: '2', name: 'POST /debit', kind: 'server', service: 'accounts-ledger', at: 10, ms: 380 },
  ...Array.from({ length: 12 }, (_, i) => query(i, 20 + i * 18, 17)),
  { id: '5', parent: '1', name: 'send payments', kind: 'producer', service: 'api-gateway', at: 396, ms: 2 },
  {
    id: '6',
    parent: '5',
    name: 'process payments',
    kind: 'consumer',
    service: 'reconciliation',
    at: 399,
    ms: 20,
    error: 'no account',
  },
]

test('the waterfall shows every service, the Kafka hop, the error and the folded N+1', async () => {
  const { trace } = await receive(payment)
  expect(renderTrace(trace, { width: 100 }).split('\n')).toEqual([
    'trace aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  419 ms, 17 spans, 3 services, 1 error',
    'POST /payments                                 api-gateway ████████████████████████████▋     400 ms',
    '├ → POST                                       api-gateway ███████████████████████████▉      390 ms',
    '│ └ POST /debit                            accounts-ledger ███████████████████████████▏      380 ms',
    '│   └ → 12 x pg.query:SELECT ledger        accounts-ledger  ▐▐▆▐▐▐▐▆▐▐▐▆▐▐▐▆                 204 ms',
    '└ ⇒ send payments                              api-gateway                             ▏       2 ms',
    '  └ ⇐ process payments                      reconciliation                             █▍     20 ms',
    '      ✗ no account',
    '! N+1: 12 x SELECT … accounts (pg): 204 ms of 380 ms, sequential: batch or join',
  ])
})

test('every line fits the width, whatever the width', async () => {
  const { trace } = await receive(payment)
  for (const width of [60, 80, 140]) {
    const lines = renderTrace(trace, { width }).split('\n')
    for (const line of lines.filter(line => !line.startsWith('!') && !line.startsWith('trace'))) {
      expect([...line].length).toBeLessThanOrEqual(width)
    }
  }
})

test('twelve sequential queries that differ in their values are an N+1 with numbers and advice', async () => {
  const { trace } = await receive(payment)
  const [insight] = findInsights(trace)
  expect(insight).toMatchObject({
    kind: 'n+1',
    message: '12 x SELECT … accounts (pg): 204 ms of 380 ms, sequential: batch or join',
    parent: { name: 'POST /debit' },
  })
  expect(insight!.spans).toHaveLength(12)
})

test.each<[string, TestSpan[]]>([
  ['four queries', Array.from({ length: 4 }, (_, i) => query(i, 20 + i * 18, 17))],
  ['twelve queries at the same time', Array.from({ length: 12 }, (_, i) => query(i, 20, 200))],
  ['twelve queries that take next to nothing', Array.from({ length: 12 }, (_, i) => query(i, 20 + i, 0.5))],
])('%s are not an N+1', async (_, queries) => {
  const { trace } = await receive([...payment.slice(0, 3), ...queries])
  expect(findInsights(trace).filter(insight => insight.kind === 'n+1')).toEqual([])
})

test('different calls that wait for each other are named, with what running them together would take', async () => {
  const call = (id: string, at: number, ms: number, path: string): TestSpan => ({
    id,
    parent: '1',
    name: 'GET',
    kind: 'client',
    at,
    ms,
    attributes: { 'http.request.method': 'GET', 'server.address': 'x', 'url.full': `http://x/${path}` },
  })
  const { trace } = await receive([
    { id: '1', name: 'page', kind: 'server', ms: 100 },
    call('2', 0, 30, 'user'),
    call('3', 31, 20, 'cart'),
    call('4', 52, 40, 'ads'),
  ])
  expect(findInsights(trace)).toMatchObject([
    { kind: 'serial-awaits', message: expect.stringContaining('run them together (about 40 ms)') },
  ])
})

test('a span whose parent did not arrive is drawn and named as an orphan', async () => {
  const { trace } = await receive([
    { id: '1', name: 'root' },
    { id: '2', parent: '77', name: 'lost', service: 'far' },
  ])
  expect(renderTrace(trace)).toContain('lost (parent missing)')
  expect(findInsights(trace)).toMatchObject([
    { kind: 'orphan', message: expect.stringContaining('(far; 1 missing)') },
  ])
})

test('an error below a span that reports none is pointed out', async () => {
  const { trace } = await receive([
    { id: '1', name: 'parent' },
    { id: '2', parent: '1', name: 'child', error: 'refused' },
  ])
  expect(findInsights(trace)).toMatchObject([{ kind: 'swallowed-error' }])
})

test('http spans without a route are told apart by their path, without the query', async () => {
  const { trace } = await receive([
    { id: '1', name: 'POST', kind: 'server', service: 'hooks', attributes: { 'url.path': '/deliveries' } },
    {
      id: '2',
      parent: '1',
      name: 'POST',
      kind: 'client',
      service: 'hooks',
      error: '503',
      attributes: { 'url.full': 'http://shop:1/webhooks?key=1' },
    },
  ])
  expect(findInsights(trace)[0]!.message).toBe(
    'POST /webhooks (hooks) failed, but POST /deliveries (hooks) above it reports no error: handled or lost?',
  )
  expect(renderTrace(trace)).toMatch(/^POST \/deliveries .*\n└ → POST \/webhooks /m)
})

test('linked traces are named on both sides and drawn below', async () => {
  const { store, trace } = await receive([
    { id: '1', name: 'send payments', kind: 'producer', service: 'orders' },
    {
      trace: 'b',
      id: '2',
      name: 'process batch',
      kind: 'consumer',
      service: 'worker',
      links: [{ trace: 'a', id: '1' }],
    },
  ])
  const linked = findLinked(store, trace)
  expect(linked.map(each => each.traceId)).toEqual([traceId('b')])
  const text = renderTrace(trace, { linked })
  expect(text).toContain(`↔ linked from process batch (worker) in trace ${traceId('b')}`)
  expect(text).toContain('⇐ process batch')
  const other = store.trace(traceId('b'))!
  expect(renderTrace(other, { linked: findLinked(store, other) })).toContain(
    '↔ linked to send payments (orders)',
  )
})

test('what could control the terminal never reaches it', async () => {
  const evil = '\u001b[2J\u001b]0;owned\u0007\u009b31m\r\nnext\u202egnp\u200b'
  const { trace } = await receive([{ id: '1', name: `a${evil}b`, service: `s${evil}`, error: `e${evil}` }])
  const text = renderTrace(trace, { color: false }) + renderTraceList([trace])
  const hostile =
    // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for them is the point
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/
  expect(text.replaceAll('\n', '')).not.toMatch(hostile)
  expect(text).toContain('a31m nextgnpb')
})

test('a parent chain that leads back to itself is cut and drawn once', async () => {
  const { trace } = await receive([
    { id: '1', parent: '2', name: 'hen' },
    { id: '2', parent: '1', name: 'egg' },
  ])
  const text = renderTrace(trace)
  expect(text.match(/hen|egg/g)).toHaveLength(2)
  expect(text).toContain('(parent chain is a circle)')
})

test('a trace ten thousand spans deep is drawn without a stack overflow', async () => {
  const deep = Array.from({ length: 10_000 }, (_, i) => ({
    id: (i + 1).toString(16),
    ...(i === 0 ? {} : { parent: i.toString(16) }),
    name: `d${i}`,
  }))
  const { trace } = await receive(deep)
  expect(renderTrace(trace)).toContain('… 9800 more rows')
})

test.each([
  ["SELECT * FROM t WHERE id = 1 AND name = 'it''s'", 'SELECT * FROM t WHERE id = ? AND name = ?'],
  ['SELECT  *\nFROM t -- note\nWHERE id IN ($1, $2,$3)', 'SELECT * FROM t WHERE id IN (?)'],
  ['/* app */ UPDATE t SET a=:a', 'UPDATE t SET a=?'],
])('%s has the shape %s', (statement, shape) => {
  expect(normalizeStatement(statement)).toBe(shape)
})

test('HTTP calls that differ in an id of their path are the same call', async () => {
  const { trace } = await receive(
    ['/users/17', '/users/4bf92f3577b34da6a3ce929d0e0e4736', '/orders/17'].map((path, i) => ({
      id: String(i + 1),
      kind: 'client' as const,
      attributes: { 'http.request.method': 'GET', 'server.address': 'h', 'url.full': `http://h${path}?x=1` },
    })),
  )
  const keys = trace.spans.map(span => fingerprint(span)!.key)
  expect(keys[0]).toBe(keys[1])
  expect(keys[0]).not.toBe(keys[2])
})

test('the list has one line per trace with duration, errors and a mark for N+1', async () => {
  const { trace } = await receive(payment)
  expect(renderTraceList([trace], { width: 160 })).toMatch(
    /^a{32} \S+ +419 ms +17 spans +3 svc {2}api-gateway POST \/payments 1 err N\+1$/,
  )
})
