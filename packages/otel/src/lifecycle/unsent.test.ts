import { Ledger } from '../export/account.ts'
import { renderUnsent } from './unsent.ts'

function line(signal: 'traces' | 'metrics' | 'logs', pending: number, unconfirmed = 0) {
  const { exporter, component, dropped } = new Ledger(signal, 'otlp', 'grpc')
  const rest = { created: pending, exported: 0, inFlight: 0, unconfirmed, batchCapacity: 0, batchSize: 0 }
  return { signal, exporter, component, dropped, pending, ...rest }
}

test('a process that delivered everything, or all but metrics, has nothing to say', () => {
  expect(renderUnsent([])).toBeUndefined()
  expect(renderUnsent([line('traces', 0), line('logs', 0)])).toBeUndefined()
  expect(renderUnsent([line('traces', 0), line('metrics', 78)])).toBeUndefined()
})

test('what is lost is said by signal, the exporters of a signal together', () => {
  expect(renderUnsent([line('traces', 2), line('traces', 4), line('metrics', 78), line('logs', 1)])).toBe(
    'not delivered when the process ended: 6 spans, 78 metric points, 1 log record',
  )
})

test('what was sent and not confirmed, and what was still open, is said apart', () => {
  expect(renderUnsent([line('traces', 5, 5)])).toBe('sent, but not confirmed: 5 spans')
  expect(renderUnsent([line('traces', 7, 5), line('metrics', 3, 1)], 1)).toBe(
    'not delivered when the process ended: 2 spans, 2 metric points, 1 span still open; ' +
      'sent, but not confirmed: 5 spans, 1 metric point',
  )
  expect(renderUnsent([], 2)).toBe('not delivered when the process ended: 2 spans still open')
})
