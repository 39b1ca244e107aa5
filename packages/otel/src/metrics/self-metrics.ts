// `otel.sdk.*`: what the SDK does, told by the SDK. Semantic conventions, "OpenTelemetry SDK metrics". The numbers are
// plain counters elsewhere; they are read when metrics are collected and cost nothing in between.
import type { Meter, ObservableResult } from '@opentelemetry/api'
import type { AccountLine, DropReason } from '../export/account.ts'
import { parentOrigins, type SpanStats, samplingResults } from '../tracing/provider.ts'

export interface SelfMetricsInput {
  spans(): SpanStats
  lines(): readonly AccountLine[]
  /** Log records over the limit of their severity: they end in front of the processor. */
  rateLimitedLogs?(): number
  /** Values that were hidden, by kind. */
  redactions?(): Readonly<Record<string, number>>
}

const items = {
  traces: { name: 'span', unit: '{span}', processor: 'batching_span_processor' },
  logs: { name: 'log', unit: '{log_record}', processor: 'batching_log_processor' },
  metrics: { name: 'metric_data_point', unit: '{data_point}', processor: undefined },
} as const

// A full buffer is where the processor lost an item; every other reason is the exporter's.
const processorReasons: readonly DropReason[] = ['queue_full']

export function observeSelf(meter: Meter, input: SelfMetricsInput): void {
  observeSpans(meter, input)
  observeRedactions(meter, input)
  for (const signal of ['traces', 'logs', 'metrics'] as const) observeSignal(meter, input, signal)
}

function observeSpans(meter: Meter, { spans }: SelfMetricsInput): void {
  meter
    .createObservableCounter('otel.sdk.span.started', {
      unit: '{span}',
      description: 'The number of created spans',
    })
    .addCallback(result => {
      for (const [at, count] of spans().started.entries()) {
        if (count === 0) continue
        result.observe(count, {
          'otel.span.parent.origin': parentOrigins[Math.trunc(at / 3)],
          'otel.span.sampling_result': samplingResults[at % 3],
        })
      }
    })
  meter
    .createObservableUpDownCounter('otel.sdk.span.live', {
      unit: '{span}',
      description:
        'The number of created spans with recording=true for which the end operation has not been called yet',
    })
    .addCallback(result => {
      for (const [at, count] of spans().live.entries()) {
        if (at > 0) result.observe(count, { 'otel.span.sampling_result': samplingResults[at] })
      }
    })
}

function observeRedactions(meter: Meter, { redactions }: SelfMetricsInput): void {
  if (redactions === undefined) return
  meter
    .createObservableCounter('org.otel.redactions', {
      unit: '{value}',
      description: 'Values hidden in spans, log records, metrics and our own messages',
    })
    .addCallback(result => {
      for (const [kind, count] of Object.entries(redactions())) if (count > 0) result.observe(count, { kind })
    })
}

function observeSignal(meter: Meter, input: SelfMetricsInput, signal: keyof typeof items): void {
  const { name, unit, processor } = items[signal]
  const each =
    (read: (line: AccountLine, result: ObservableResult) => void) => (result: ObservableResult) => {
      for (const line of input.lines()) if (line.signal === signal) read(line, result)
    }
  const exporter = (line: AccountLine) => ({
    'otel.component.name': `${line.component}/0`,
    'otel.component.type': line.component,
  })
  meter
    .createObservableCounter(`otel.sdk.exporter.${name}.exported`, {
      unit,
      description: 'Items for which the export has finished, either successful or failed',
    })
    .addCallback(
      each((line, result) => {
        result.observe(line.exported, exporter(line))
        for (const [reason, count] of Object.entries(line.dropped)) {
          if (count === 0 || processorReasons.includes(reason as DropReason)) continue
          result.observe(count, { ...exporter(line), 'error.type': reason })
        }
      }),
    )
  meter
    .createObservableUpDownCounter(`otel.sdk.exporter.${name}.inflight`, {
      unit,
      description: 'Items that were passed to the exporter but not exported yet',
    })
    .addCallback(each((line, result) => result.observe(line.inFlight, exporter(line))))
  if (processor === undefined) return
  const refused = signal === 'logs' ? input.rateLimitedLogs?.bind(input) : undefined
  observeProcessor(meter, name, unit, processor, each, refused)
}

function observeProcessor(
  meter: Meter,
  name: string,
  unit: string,
  type: string,
  each: (read: (line: AccountLine, result: ObservableResult) => void) => (result: ObservableResult) => void,
  refused: (() => number) | undefined,
): void {
  const component = (line: AccountLine) => ({
    'otel.component.name': `${type}/${line.exporter}`,
    'otel.component.type': type,
  })
  meter
    .createObservableCounter(`otel.sdk.processor.${name}.processed`, {
      unit,
      description: 'Items for which the processing has finished, either successful or failed',
    })
    .addCallback(
      each((line, result) => {
        const lost = processorReasons.reduce((sum, reason) => sum + line.dropped[reason], 0)
        result.observe(line.created - line.batchSize - lost, component(line))
        for (const reason of processorReasons) {
          const count = line.dropped[reason]
          if (count > 0) result.observe(count, { ...component(line), 'error.type': reason })
        }
        const over = refused?.() ?? 0
        if (over > 0) result.observe(over, { ...component(line), 'error.type': 'rate_limited' })
      }),
    )
  meter
    .createObservableUpDownCounter(`otel.sdk.processor.${name}.queue.size`, {
      unit,
      description: 'Items in the queue of the processor',
    })
    .addCallback(each((line, result) => result.observe(line.batchSize, component(line))))
  meter
    .createObservableUpDownCounter(`otel.sdk.processor.${name}.queue.capacity`, {
      unit,
      description: 'The largest number of items the queue of the processor can hold',
    })
    .addCallback(each((line, result) => result.observe(line.batchCapacity, component(line))))
  if (name !== 'log') return
  meter
    .createObservableCounter('otel.sdk.log.created', { unit, description: 'Log records handed to the SDK' })
    .addCallback(each((line, result) => result.observe(line.created)))
}
