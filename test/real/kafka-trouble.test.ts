// Apache Kafka on bad days: transactions that are aborted, a group that rebalances, a broker that goes away in
// mid-stream, 100,000 messages. What is asserted is that the traces tell exactly what the program saw.
import { join, resolve } from 'node:path'
import type { Span } from '@org/otel-devtools'
import { type App, runApp } from '@org/otel-devtools/testing'
import { installNativeKafkaClients } from './parts/install.ts'
import {
  clientOf,
  type Dialect,
  flood,
  outage,
  rebalance,
  transactions,
} from './parts/kafka-trouble-programs.ts'
import { until } from './parts/process.ts'
import { findSpans } from './parts/spans.ts'
import { type KafkaPart, startKafka } from './parts/start.ts'

const preload = join(resolve(__dirname, '../..'), 'packages/otel/dist/register.cjs')
const both: Dialect[] = ['kafkajs', 'confluent']
let kafka: KafkaPart

beforeAll(async () => {
  installNativeKafkaClients()
  kafka = await startKafka()
}, 900_000)

afterAll(() => kafka?.stop())

async function start(program: (dialect: Dialect) => string, dialect: Dialect): Promise<Run> {
  const topic = `${program.name}-${dialect}`
  const app = await runApp(program(dialect), {
    cwd: clientOf(dialect).home(),
    module: 'cjs',
    preload,
    env: {
      KAFKA_BROKERS: kafka.address,
      TOPIC: topic,
      OTEL_SERVICE_NAME: 'trouble',
      NODE_NO_WARNINGS: '1',
    },
    timeoutMs: 80_000,
  })
  const named = (name: string) => findSpans(app, `${name} ${topic}`)
  return { app, topic, sends: () => named('send'), processes: () => named('process') }
}

interface Run {
  readonly app: App
  readonly topic: string
  sends(): Span[]
  processes(): Span[]
}

/** What the program said last. */
function report(app: App): any {
  const last = app.logs.at(-1)
  if (last === undefined) throw new Error(`no report\n${app.stdout}\n${app.stderr}`)
  return last
}

/** The send spans, one for each of `count` calls. */
async function expectSends(run: Run, count: number): Promise<Span[]> {
  await until(`${count} send spans`, () => run.sends().length >= count).catch(() => {})
  // A message that was dropped on the way out was announced on stderr: it belongs to the failure.
  if (run.sends().length < count)
    throw new Error(`${run.sends().length} of ${count} sends\n${run.app.stderr}`)
  expect(run.sends()).toHaveLength(count)
  return run.sends()
}

/** The process spans, each below the send whose message it handled and linked to it. */
async function expectProcesses(run: Run, count: number): Promise<Span[]> {
  await until(`${count} process spans`, () => run.processes().length >= count)
  const sends = new Map(run.sends().map(span => [span.spanId, span]))
  const processes = run.processes()
  expect(processes).toHaveLength(count)
  for (const span of processes) {
    const parent = sends.get(span.parentSpanId ?? '')
    expect(parent?.traceId).toBe(span.traceId)
    expect(span.links.map(link => link.spanId)).toEqual([span.parentSpanId])
  }
  return processes
}

test.each(both)(
  '%s: an aborted message has its send span and nobody who processed it',
  async dialect => {
    const run = await start(transactions, dialect)
    try {
      expect(report(run.app)).toEqual({ seen: ['committed', 'idempotent'] })
      await until('three sends', () => run.sends().length === 3)
      const [aborted, committed, idempotent] = run.sends() as [Span, Span, Span]
      const processes = await expectProcesses(run, 2)
      expect(processes.map(span => span.parentSpanId)).toEqual([committed.spanId, idempotent.spanId])
      // The markers of abort and commit take an offset each.
      const offsets = [aborted, committed, idempotent].map(span => span.attributes['messaging.kafka.offset'])
      expect(offsets).toEqual([0, 2, 4])
      for (const span of run.sends()) expect(span.status.code).toBe('unset')
    } finally {
      await run.app.dispose()
    }
  },
  90_000,
)

test.each(both)(
  '%s: while a group rebalances every message keeps the trace of its sender',
  async dialect => {
    const run = await start(rebalance, dialect)
    try {
      const { sent, deliveries } = report(run.app)
      await expectSends(run, sent)
      const processes = await expectProcesses(run, deliveries)
      expect(new Set(processes.map(span => span.parentSpanId)).size).toBe(sent)
      const clients = new Set(processes.map(span => span.attributes['messaging.client.id']))
      expect([...clients].sort()).toEqual(['one', 'two'])
    } finally {
      await run.app.dispose()
    }
  },
  90_000,
)

test('the broker restarts in mid-stream: nothing is lost, and every call has one span that says how it ended', async () => {
  const runs = await Promise.all(both.map(dialect => start(outage, dialect)))
  try {
    await kafka.restart()
    for (const { app } of runs) process.kill(app.pid, 'SIGUSR2')
    for (const run of runs) {
      await run.app.waitForOutput('survived', 100_000)
      const { acknowledged, calls, failures, deliveries, longestMs } = report(run.app)
      expect(acknowledged).toBe(calls - failures)
      // The outage was felt: a call had to wait for it, or failed.
      expect(failures > 0 || longestMs > 300).toBe(true)
      await expectSends(run, calls)
      expect(run.sends().filter(span => span.status.code === 'error')).toHaveLength(failures)
      await expectProcesses(run, deliveries)
    }
  } finally {
    await Promise.all(runs.map(run => run.app.dispose()))
  }
}, 200_000)

test('100,000 messages of kafkajs are counted one by one and traced by batch, and the heap keeps nothing', async () => {
  const run = await start(flood, 'kafkajs')
  try {
    const { sends, batches, received, ms, beforeMb, afterMb } = report(run.app)
    process.stderr.write(
      `[kafka] 100,000 messages in ${ms} ms; heap ${beforeMb.toFixed(1)} -> ${afterMb.toFixed(1)} MiB\n`,
    )
    expect({ received, sends }).toEqual({ received: 110_000, sends: 220 })
    await expectSends(run, sends)
    await until('a span for every batch', () => run.processes().length === batches)
    const counts = run.processes().map(span => Number(span.attributes['messaging.batch.message_count']))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(received)
    const sender = new Set(run.sends().map(span => span.spanId))
    for (const span of run.processes()) {
      expect(span.links.length).toBeGreaterThan(0)
      for (const link of span.links) expect(sender.has(link.spanId)).toBe(true)
    }
    for (const metric of ['messaging.client.sent.messages', 'messaging.client.consumed.messages']) {
      await until(`${metric} to count all of them`, () => counted(run.app, metric) === received)
    }
    expect(afterMb - beforeMb).toBeLessThan(3)
    expect(ms).toBeLessThan(60_000)
  } finally {
    await run.app.dispose()
  }
}, 120_000)

test('an order that fails three times, its dead letter and the replay are one story on Apache Kafka too', async () => {
  const story = join(__dirname, '../../examples/kafka-retries/run.mjs')
  await using app = await runApp(story, {
    preload: false,
    ready: /^linked$/m,
    timeoutMs: 60_000,
    env: { KAFKA_BROKERS: kafka.address, OTEL_EXPORTER_OTLP_ENDPOINT: undefined },
  })
  expect(await app.exited).toEqual({ code: 0, signal: null })
  const [replay = '', original = ''] = app.stdout.split('\nlinked\n')
  expect(original.match(/process orders/g)).toHaveLength(3)
  const trace = /^trace (\w{32})/.exec(original)?.[1]
  expect(trace).toBeDefined()
  expect(replay).toContain(`linked to send orders.dead-letter (processor) in trace ${trace}`)
}, 90_000)

/** The latest value of a counter, over all of its series. */
function counted(app: App, metric: string): number {
  const series = app.receiver.store.metrics(metric)
  return series.reduce((sum, each) => sum + (each.latest.value ?? 0), 0)
}
