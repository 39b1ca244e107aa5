import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Config } from '../config/config.ts'
import type { AccountLine } from '../export/account.ts'
import { startMetrics } from './pipeline.ts'

const none = { queue_full: 0, encoding: 0, too_large: 0, rejected: 0, partial_success: 0, shutdown: 0 }

function line(over: Partial<AccountLine>): AccountLine {
  return {
    signal: 'traces',
    exporter: 'otlp',
    component: 'otlp_grpc_span_exporter',
    created: 0,
    exported: 0,
    dropped: none,
    pending: 0,
    inFlight: 0,
    batchCapacity: 2048,
    batchSize: 0,
    unconfirmed: 0,
    ...over,
  }
}

test('the counters of the SDK come out under the names of the conventions, drops by reason', async () => {
  const sent: ResourceMetrics[] = []
  const { flush, stop } = startMetrics({
    config: {
      exporters: ['otlp'],
      temporality: 'cumulative',
      histogramAggregation: 'explicit_bucket_histogram',
      exemplarFilter: 'always_off',
      intervalMs: 60_000,
      timeoutMs: 1000,
      runtime: false,
    } as unknown as Config['metrics'],
    resource: { attributes: {} },
    sources: [],
    self: {
      spans: () => ({ started: [1, 0, 7, 0, 0, 2, 0, 0, 0], live: [0, 0, 3] }),
      rateLimitedLogs: () => 12,
      lines: () => [
        line({
          created: 100,
          exported: 60,
          dropped: { ...none, queue_full: 5, rejected: 4 },
          pending: 31,
          inFlight: 20,
          batchSize: 11,
        }),
        line({ signal: 'logs', component: 'otlp_http_log_exporter', created: 9, exported: 9 }),
        line({ signal: 'metrics', component: 'otlp_http_metric_exporter', created: 8, exported: 8 }),
      ],
    },
    exportMetrics: async metrics => void sent.push(metrics),
  })
  await flush()
  const rows = sent[0]!.scopeMetrics
    .flatMap(scope => scope.metrics)
    .flatMap(({ descriptor, dataPoints }) =>
      (dataPoints as any[]).map(({ attributes, value }) => {
        const { 'otel.component.name': _, ...rest } = attributes
        return `${descriptor.name} ${JSON.stringify(Object.values(rest))} ${value.count ?? value}`
      }),
    )
  expect(rows.sort()).toEqual(
    [
      'otel.sdk.exporter.log.exported ["otlp_http_log_exporter"] 9',
      'otel.sdk.exporter.log.inflight ["otlp_http_log_exporter"] 0',
      'otel.sdk.exporter.metric_data_point.exported ["otlp_http_metric_exporter"] 8',
      'otel.sdk.exporter.metric_data_point.inflight ["otlp_http_metric_exporter"] 0',
      'otel.sdk.exporter.span.exported ["otlp_grpc_span_exporter","rejected"] 4',
      'otel.sdk.exporter.span.exported ["otlp_grpc_span_exporter"] 60',
      'otel.sdk.exporter.span.inflight ["otlp_grpc_span_exporter"] 20',
      'otel.sdk.log.created [] 9',
      'otel.sdk.processor.log.processed ["batching_log_processor","rate_limited"] 12',
      'otel.sdk.processor.log.processed ["batching_log_processor"] 9',
      'otel.sdk.processor.log.queue.capacity ["batching_log_processor"] 2048',
      'otel.sdk.processor.log.queue.size ["batching_log_processor"] 0',
      'otel.sdk.processor.span.processed ["batching_span_processor","queue_full"] 5',
      'otel.sdk.processor.span.processed ["batching_span_processor"] 84',
      'otel.sdk.processor.span.queue.capacity ["batching_span_processor"] 2048',
      'otel.sdk.processor.span.queue.size ["batching_span_processor"] 11',
      'otel.sdk.span.live ["RECORD_AND_SAMPLE"] 3',
      'otel.sdk.span.live ["RECORD_ONLY"] 0',
      'otel.sdk.span.started ["local","RECORD_AND_SAMPLE"] 2',
      'otel.sdk.span.started ["none","DROP"] 1',
      'otel.sdk.span.started ["none","RECORD_AND_SAMPLE"] 7',
    ].sort(),
  )
  await flush()
  const names = sent[1]!.scopeMetrics.flatMap(scope => scope.metrics.map(metric => metric.descriptor.name))
  expect(names).toContain('otel.sdk.metric_reader.collection.duration')
  await stop()
})
