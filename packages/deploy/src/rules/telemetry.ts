// Telemetry about telemetry: what is lost in the services, what the Collector loses, and traces that break.
import type { Alert, Recording, RuleGroup } from './rule.ts'
import { settings } from './settings.ts'

// What the Collector calls what passes through it.
const items = ['spans', 'metric_points', 'log_records'] as const

export const telemetryGroups: readonly RuleGroup[] = [
  { name: 'org-otel-lost', rules: [...lostInServices(), lostAlert()] },
  { name: 'org-otel-collector', rules: collector() },
  { name: 'org-otel-orphans', rules: orphans() },
]

/**
 * How much a counter grew in each group within ten minutes, the first value included: a counter of failures appears
 * with the first failure, and `increase` sees nothing in a series that is born with a value.
 */
function grown(metric: string, by: string): string {
  return `((sum by (${by}) (${metric}) unless sum by (${by}) (${metric} offset 10m)) or sum by (${by}) (increase(${metric}[10m])))`
}

function lostInServices(): Recording[] {
  const by = 'service_name, error_type'
  // The processor loses what does not fit into its queue; every other reason is the exporter's (error_type says which).
  const places = ['otel_sdk_processor_span_processed_total', 'otel_sdk_exporter_span_exported_total']
  return [
    {
      record: 'service:spans_lost:increase10m',
      expr: places.map(metric => grown(`${metric}{error_type!=""}`, by)).join(' or '),
    },
    {
      record: 'service:spans_sampled:increase10m',
      expr: 'sum by (service_name) (increase(otel_sdk_span_started_total{otel_span_sampling_result="RECORD_AND_SAMPLE"}[10m]))',
    },
  ]
}

function lostAlert(): Alert {
  return {
    alert: 'TelemetryLost',
    expr: `service:spans_lost:increase10m > on (service_name) group_left () (service:spans_sampled:increase10m * ${settings.spanLossShare})`,
    for: '5m',
    severity: 'ticket',
    summary:
      '{{ $labels.service_name }} lost {{ $value | humanize }} spans in ten minutes ({{ $labels.error_type }})',
    description:
      'The service itself is not affected; its traces have holes. The reason is in the label error_type.',
    runbook: 'telemetry-lost',
  }
}

function collector(): Alert[] {
  const lost = items.flatMap(item => [
    `otelcol_exporter_enqueue_failed_${item}`,
    `otelcol_exporter_send_failed_${item}`,
  ])
  const refused = items.map(item => `otelcol_receiver_refused_${item}`)
  const rates = (metrics: readonly string[], by: string) =>
    // Each metric has its own name, so that one that does not exist yet does not hide the others.
    metrics
      .map(metric => `label_replace(sum by (${by}) (rate(${metric}[5m])), "counter", "${metric}", "", "")`)
      .join(' or ')
  return [
    {
      alert: 'CollectorLosing',
      expr: `(${rates(lost, 'instance, exporter')}) > 0`,
      for: '5m',
      severity: 'page',
      summary:
        'Collector {{ $labels.instance }} loses {{ $value | humanize }} a second on the way to {{ $labels.exporter }}',
      description: 'Its queue is full, or the destination refuses for good. {{ $labels.counter }} counts it.',
      runbook: 'collector-losing',
    },
    {
      alert: 'CollectorRefusing',
      expr: `(${rates(refused, 'instance, receiver')}) > 0`,
      for: '5m',
      severity: 'ticket',
      summary:
        'Collector {{ $labels.instance }} refuses {{ $value | humanize }} a second: its memory is used up',
      description: 'Senders retry, so nothing is lost yet. {{ $labels.counter }} counts it.',
      runbook: 'collector-losing',
    },
    {
      alert: 'CollectorQueueFilling',
      expr: `otelcol_exporter_queue_size / otelcol_exporter_queue_capacity > ${settings.collectorQueueShare}`,
      for: '5m',
      severity: 'ticket',
      summary:
        'The queue of Collector {{ $labels.instance }} to {{ $labels.exporter }} is {{ $value | humanizePercentage }} full',
      description: 'What does not fit any more is lost. The destination is slow or away.',
      runbook: 'collector-losing',
    },
    {
      alert: 'CollectorDecidingTooEarly',
      expr: 'sum by (instance) (rate(otelcol_processor_tail_sampling_sampling_trace_dropped_too_early[5m])) > 0',
      for: '10m',
      severity: 'ticket',
      summary:
        'Collector {{ $labels.instance }} forgets {{ $value | humanize }} traces a second before their decision',
      description:
        'More traces are under way than num_traces: failed and slow ones are among those forgotten.',
      runbook: 'collector-losing',
    },
    {
      alert: 'CollectorAbsent',
      expr: 'absent(otelcol_process_uptime)',
      for: '5m',
      severity: 'page',
      summary: 'No Collector can be scraped',
      description:
        'Nothing is known about any Collector. Services keep working and buffer for a short while.',
      runbook: 'collector-losing',
    },
  ]
}

/**
 * An orphan is a request or message that came without its trace: its span begins a trace although somebody who is traced
 * sent it. A single span does not tell whether its sender was traced. What is measurable is the share of a service's
 * server and consumer spans that begin a trace (`trace_entry`, set in the gateway): about 1 at the edge, about 0 behind it,
 * something between in a service that is both. It moves only when callers change, so each service is compared with
 * itself a week ago (a young one: a day ago).
 */
function orphans(): (Recording | Alert)[] {
  const kinds = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"'
  const rate = (where: string) =>
    `sum by (service_name, span_kind) (rate(traces_span_metrics_calls_total{${kinds}${where}}[30m]))`
  const share = 'service:trace_beginnings:ratio30m'
  const before = `(${share} offset 1w or ${share} offset 1d)`
  return [
    { record: 'service:entries:rate30m', expr: rate('') },
    {
      record: share,
      expr: `(${rate(', trace_entry="root"')} or service:entries:rate30m * 0) / service:entries:rate30m`,
    },
    {
      alert: 'TracesBroken',
      expr: `${share} - ${before} > ${settings.orphanGrowth} and service:entries:rate30m * 3600 >= ${settings.minRequestsPerHour}`,
      for: '15m',
      severity: 'ticket',
      summary:
        '{{ $labels.service_name }}: {{ $value | humanizePercentage }} more of its traces begin there than a week ago',
      description:
        'Requests or messages ({{ $labels.span_kind }}) that used to arrive with a trace arrive without one.',
      runbook: 'traces-broken',
    },
  ]
}
