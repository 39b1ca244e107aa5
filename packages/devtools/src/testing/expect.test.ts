import { AssertionError } from 'node:assert'
import { post, send, type TestSpan, traceId } from '../../test/otlp.ts'
import { type Receiver, startReceiver } from '../receive/receiver.ts'
import { expectExemplar, expectLinked, expectLog, expectNoTrace, expectTrace } from './expect.ts'

let receiver: Receiver
beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver.close())

const soon = { timeoutMs: 50 }
const payment: TestSpan[] = [
  { id: '1', name: 'POST /pay', kind: 'server', service: 'gateway', ms: 100 },
  {
    id: '2',
    parent: '1',
    name: 'POST',
    kind: 'client',
    service: 'gateway',
    attributes: { 'http.response.status_code': 200 },
  },
  { id: '3', parent: '2', name: 'POST /debit', kind: 'server', service: 'ledger' },
  { id: '4', parent: '3', name: 'SELECT', kind: 'client', service: 'ledger' },
  { id: '5', parent: '3', name: 'SELECT', kind: 'client', service: 'ledger' },
]

async function failureOf(promise: Promise<unknown>): Promise<AssertionError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(AssertionError)
  return error as AssertionError
}

test('expectTrace waits for a trace that comes later and returns it with the span that fitted', async () => {
  const expected = expectTrace(receiver, {
    name: 'POST /pay',
    kind: 'server',
    service: 'gateway',
    root: true,
    children: [
      {
        kind: 'client',
        attributes: { 'http.response.status_code': code => Number(code) < 300, 'error.type': undefined },
        children: [
          {
            name: /debit$/,
            service: 'ledger',
            childCount: 2,
            children: [{ name: 'SELECT' }, { name: 'SELECT' }],
          },
        ],
      },
    ],
  })
  await send(receiver, payment.slice(0, 3))
  await send(receiver, payment.slice(3))
  const trace = await expected
  expect(trace.match.name).toBe('POST /pay')
  expect(trace.services).toEqual(['gateway', 'ledger'])
  expect(trace.durationMs).toBe(100)
})

test('two equal child matchers need two different spans', async () => {
  await send(receiver, payment.slice(0, 4))
  const two = { name: 'POST /debit', children: [{ name: 'SELECT' }, { name: 'SELECT' }] }
  const error = await failureOf(expectTrace(receiver, two, soon))
  expect(error.message).toContain('"POST /debit": no child fits span "SELECT"')
})

test('a child is direct, a descendant is not', async () => {
  await send(receiver, payment)
  await failureOf(expectTrace(receiver, { name: 'POST /pay', children: [{ name: 'SELECT' }] }, soon))
  await expectTrace(receiver, { name: 'POST /pay', descendants: [{ name: 'SELECT' }] }, soon)
})

test('a failure names the first differences of the closest span and draws what did arrive', async () => {
  await send(receiver, payment)
  const matcher = {
    name: 'POST /pay',
    children: [{ kind: 'client' as const, attributes: { 'http.response.status_code': 500 } }],
  }
  const { message } = await failureOf(expectTrace(receiver, matcher, soon))
  expect(message).toContain('after 50 ms: no trace has span "POST /pay"')
  expect(message).toContain('closest: "POST": http.response.status_code is 200, expected 500')
  expect(message).toMatch(/POST \/debit +ledger/)
})

test('a failure with nothing received says so', async () => {
  const { message } = await failureOf(expectTrace(receiver, { name: 'x' }, soon))
  expect(message).toContain('nothing was received')
})

test('expectNoTrace fails when the trace is there and passes when only others came', async () => {
  await send(receiver, payment)
  await expectNoTrace(receiver, { name: 'GET /health' }, { after: { name: 'POST /pay' } })
  const { message } = await failureOf(expectNoTrace(receiver, { name: 'SELECT' }))
  expect(message).toContain('expected no span "SELECT", but it arrived')
})

test('expectLog finds a record by body and trace, and shows the others when there is none', async () => {
  await post(receiver, 'logs', {
    resourceLogs: [
      {
        scopeLogs: [
          {
            logRecords: [
              { body: { stringValue: 'debit failed' }, severityNumber: 17, traceId: traceId('a') },
            ],
          },
        ],
      },
    ],
  })
  const log = await expectLog(receiver, { body: /debit/, severity: 'ERROR', traceId: traceId('a') })
  expect(log.service).toBe('unknown_service')
  const { message } = await failureOf(expectLog(receiver, { body: 'credit failed' }, soon))
  expect(message).toContain('debit failed')
})

test('expectExemplar waits until the trace of the exemplar has arrived too', async () => {
  await post(receiver, 'metrics', {
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              {
                name: 'took',
                sum: {
                  dataPoints: [
                    {
                      asDouble: 1,
                      exemplars: [{ asDouble: 0.4, traceId: traceId('a'), spanId: '00f067aa0ba902b7' }],
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  })
  const found = expectExemplar(receiver, { metric: 'took', trace: true })
  await send(receiver, payment)
  expect((await found).trace!.root!.name).toBe('POST /pay')
  const { message } = await failureOf(expectExemplar(receiver, { metric: 'other' }, soon))
  expect(message).toContain('metrics: took')
})

test('expectLinked follows a link into another trace', async () => {
  await send(receiver, [
    { trace: 'b', id: '9', name: 'receive', kind: 'consumer', links: [{ trace: 'a', id: '2' }] },
    ...payment,
  ])
  const { from, to } = await expectLinked(receiver, { from: { name: 'receive' }, to: { kind: 'client' } })
  expect([from.traceId, to.traceId]).toEqual([traceId('b'), traceId('a')])
  const { message } = await failureOf(
    expectLinked(receiver, { from: { name: 'receive' }, to: { name: 'x' } }, soon),
  )
  expect(message).toContain('spans with links: 1')
})
