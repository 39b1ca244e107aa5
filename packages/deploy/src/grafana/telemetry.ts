// Can the other dashboards be trusted? What services and Collectors lose, how much of the traffic has a trace, and
// whether traces hold together.
import type { DashboardSpec } from './panel.ts'

const where = 'service_name=~"$service"'
const kinds = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"'
const rate = (metric: string, labels: string, by: string) =>
  `sum by (${by}) (rate(${metric}{${labels}}[$__rate_interval]))`
const each = (metric: string, by: string) =>
  ['spans', 'metric_points', 'log_records'].map(item => ({
    expr: `sum by (${by}) (rate(${metric}_${item}[$__rate_interval]))`,
    legend: `{{instance}} ${item.replace('_', ' ')}${by.includes('exporter') ? ' {{exporter}}' : ''}`,
  }))

export const telemetry: DashboardSpec = {
  uid: 'org-otel-telemetry',
  title: 'Telemetry health',
  says: 'Told by the SDK in the services (otel.sdk.*) and by the Collectors about themselves (otelcol_*).',
  variables: [
    { name: 'service', label: 'Service', metric: 'otel_sdk_span_started_total', of: 'service_name' },
  ],
  rows: [
    {
      title: 'In the services',
      panels: [
        {
          kind: 'lines',
          title: 'Spans started, by decision',
          says: 'DROP is what head sampling leaves out; with tail sampling in the gateway there should be none.',
          unit: 'ops',
          width: 8,
          queries: [
            {
              expr: rate('otel_sdk_span_started_total', where, 'otel_span_sampling_result'),
              legend: '{{otel_span_sampling_result}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Lost in the services, by reason',
          says: 'Spans per ten minutes. queue_full: the Collector was away too long. rejected: it refuses us. Nothing is the normal state.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: 'service:spans_lost:increase10m{service_name=~"$service"}',
              legend: '{{service_name}} {{error_type}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Sent',
          says: 'Spans, log records and metric points that were answered by the Collector, per second.',
          unit: 'ops',
          width: 8,
          queries: [
            {
              expr: rate('otel_sdk_exporter_span_exported_total', `${where}, error_type=""`, 'service_name'),
              legend: '{{service_name}} spans',
            },
            {
              expr: rate('otel_sdk_exporter_log_exported_total', `${where}, error_type=""`, 'service_name'),
              legend: '{{service_name}} logs',
            },
            {
              expr: rate(
                'otel_sdk_exporter_metric_data_point_exported_total',
                `${where}, error_type=""`,
                'service_name',
              ),
              legend: '{{service_name}} metric points',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Trace coverage',
          says: 'Server spans that arrived, per request the service counted itself. Below 1: head sampling, drop rules (probes are meant to be missing), or loss.',
          unit: 'percentunit',
          width: 8,
          queries: [
            {
              expr: `${rate('traces_span_metrics_calls_total', `${where}, span_kind="SPAN_KIND_SERVER"`, 'service_name')} / ${rate('http_server_request_duration_seconds_count', where, 'service_name')}`,
              legend: '{{service_name}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Propagation success',
          says: 'Share of requests and messages that arrive with a trace: 1 behind the edge, 0 at the edge, where traces begin. A line that falls is a caller that stopped sending its trace.',
          unit: 'percentunit',
          width: 8,
          max: 1,
          queries: [
            {
              expr: `(${rate('traces_span_metrics_calls_total', `${where}, ${kinds}, trace_entry="child"`, 'service_name, span_kind')} or 0 * ${rate('traces_span_metrics_calls_total', `${where}, ${kinds}`, 'service_name, span_kind')}) / ${rate('traces_span_metrics_calls_total', `${where}, ${kinds}`, 'service_name, span_kind')}`,
              legend: '{{service_name}} {{span_kind}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Waiting to be sent',
          says: 'Spans in the queue of the processor, of its capacity.',
          unit: 'percentunit',
          width: 8,
          max: 1,
          queries: [
            {
              expr: `max by (service_name) (otel_sdk_processor_span_queue_size{${where}} / otel_sdk_processor_span_queue_capacity{${where}})`,
              legend: '{{service_name}}',
            },
          ],
        },
      ],
    },
    {
      title: 'In the Collectors',
      panels: [
        {
          kind: 'lines',
          title: 'Received',
          says: 'Items per second that were taken over.',
          unit: 'ops',
          width: 8,
          queries: each('otelcol_receiver_accepted', 'instance'),
        },
        {
          kind: 'lines',
          title: 'Refused',
          says: 'The memory limiter at work. Senders retry; it must not last.',
          unit: 'ops',
          width: 8,
          queries: each('otelcol_receiver_refused', 'instance'),
        },
        {
          kind: 'lines',
          title: 'Sent',
          says: 'Items per second, by destination.',
          unit: 'ops',
          width: 8,
          queries: each('otelcol_exporter_sent', 'instance, exporter'),
        },
        {
          kind: 'lines',
          title: 'Lost: destination refused for good',
          says: 'Wrong address, wrong credentials, or an item the destination cannot read. Nothing is the normal state.',
          unit: 'ops',
          width: 8,
          queries: each('otelcol_exporter_send_failed', 'instance, exporter'),
        },
        {
          kind: 'lines',
          title: 'Lost: queue was full',
          says: 'The destination was away longer than the queue lasts. Nothing is the normal state.',
          unit: 'ops',
          width: 8,
          queries: each('otelcol_exporter_enqueue_failed', 'instance, exporter'),
        },
        {
          kind: 'lines',
          title: 'Queues',
          says: 'How full the queues on disk are.',
          unit: 'percentunit',
          width: 8,
          max: 1,
          queries: [
            {
              expr: 'otelcol_exporter_queue_size / otelcol_exporter_queue_capacity',
              legend: '{{instance}} {{exporter}}',
            },
          ],
        },
        {
          kind: 'area',
          title: 'Tail sampling: decisions',
          says: 'Traces per second that were kept and not kept.',
          unit: 'ops',
          width: 8,
          queries: [
            {
              expr: 'sum by (decision) (rate(otelcol_processor_tail_sampling_global_count_traces_sampled[$__rate_interval]))',
              legend: '{{decision}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Tail sampling: why traces are kept',
          says: 'Each policy counts the traces it wants; one trace may be wanted by several.',
          unit: 'ops',
          width: 8,
          queries: [
            {
              expr: 'sum by (policy) (rate(otelcol_processor_tail_sampling_count_traces_sampled{decision="sampled"}[$__rate_interval]))',
              legend: '{{policy}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Tail sampling: forgotten before the decision',
          says: 'More traces under way than num_traces. Failed and slow ones are among them: raise NUM_TRACES or add a gateway.',
          unit: 'ops',
          width: 8,
          queries: [
            {
              expr: 'sum by (instance) (rate(otelcol_processor_tail_sampling_sampling_trace_dropped_too_early[$__rate_interval]))',
              legend: '{{instance}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Memory',
          says: 'Resident memory of each Collector. The limiter begins to refuse at 80% of its limit.',
          unit: 'bytes',
          width: 12,
          queries: [{ expr: 'otelcol_process_memory_rss', legend: '{{instance}}' }],
        },
        {
          kind: 'lines',
          title: 'Processor time',
          says: 'Cores in use by each Collector.',
          unit: 'short',
          width: 12,
          queries: [{ expr: 'rate(otelcol_process_cpu_seconds[$__rate_interval])', legend: '{{instance}}' }],
        },
      ],
    },
  ],
}
