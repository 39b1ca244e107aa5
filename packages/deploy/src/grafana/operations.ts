// Per operation (span name): p99 against its objective, and which operations the time of all requests goes into.
import type { DashboardSpec } from './panel.ts'

const mine = 'service_name=~"$service", span_name=~"$operation"'
const entries = `span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER", ${mine}`
const spent = (kinds: string) =>
  `topk(15, sum by (service_name, span_name) (rate(traces_span_metrics_duration_seconds_sum{span_kind=~"${kinds}", ${mine}}[$__rate_interval])))`

export const operations: DashboardSpec = {
  uid: 'org-otel-operations',
  title: 'Operations: p99 and hot paths',
  says: 'An operation is a span name within a service: a route, a query, a topic. Counted before sampling.',
  variables: [
    { name: 'service', label: 'Service', metric: 'traces_span_metrics_calls_total', of: 'service_name' },
    {
      name: 'operation',
      label: 'Operation',
      metric: 'traces_span_metrics_calls_total{service_name=~"$service"}',
      of: 'span_name',
    },
  ],
  rows: [
    {
      title: 'Objectives',
      panels: [
        {
          kind: 'lines',
          title: 'p99 by operation',
          says: 'The diamonds are single requests: click one and open its trace.',
          unit: 's',
          width: 16,
          height: 10,
          queries: [
            {
              expr: `histogram_quantile(0.99, sum by (le, service_name, span_name) (rate(traces_span_metrics_duration_seconds_bucket{${entries}}[$__rate_interval])))`,
              legend: '{{service_name}} {{span_name}}',
              exemplars: true,
            },
          ],
        },
        {
          kind: 'bars',
          title: 'Slow requests, last hour',
          says: 'Share slower than the objective. 1% is the budget; 14% over an hour pages.',
          unit: 'percentunit',
          width: 8,
          height: 10,
          queries: [
            {
              expr: 'topk(10, operation:spans_slow:ratio1h{service_name=~"$service", span_name=~"$operation"})',
              legend: '{{service_name}} {{span_name}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Failing operations',
          says: 'Share that ended in an error, of operations that fail at all.',
          unit: 'percentunit',
          width: 16,
          queries: [
            {
              expr: 'operation:spans_failed:ratio5m{service_name=~"$service", span_name=~"$operation"} > 0',
              legend: '{{service_name}} {{span_name}}',
            },
          ],
        },
        {
          kind: 'heatmap',
          title: 'Failed requests by duration',
          says: 'Errors at the top are time-outs; errors at the bottom are refusals.',
          unit: 's',
          width: 8,
          queries: [
            {
              expr: `sum by (le) (rate(traces_span_metrics_duration_seconds_bucket{${entries}, status_code="STATUS_CODE_ERROR"}[$__rate_interval]))`,
              legend: '{{le}}',
              exemplars: true,
            },
          ],
        },
      ],
    },
    {
      title: 'Hot paths',
      panels: [
        {
          kind: 'bars',
          title: 'Time spent answering',
          says: 'Seconds of request time per second: frequency times duration. The longest bar is where an improvement saves most.',
          unit: 'short',
          height: 11,
          queries: [
            { expr: spent('SPAN_KIND_SERVER|SPAN_KIND_CONSUMER'), legend: '{{service_name}} {{span_name}}' },
          ],
        },
        {
          kind: 'bars',
          title: 'Time spent waiting for others',
          says: 'The same for calls out: databases, caches, brokers, other services.',
          unit: 'short',
          height: 11,
          queries: [
            { expr: spent('SPAN_KIND_CLIENT|SPAN_KIND_PRODUCER'), legend: '{{service_name}} {{span_name}}' },
          ],
        },
        {
          kind: 'table',
          title: 'Calls out per request',
          says: 'How many client calls a service makes for one request or message. More than a handful is often a loop of queries.',
          unit: 'short',
          queries: [
            {
              expr: 'sort_desc(sum by (service_name) (rate(traces_span_metrics_calls_total{span_kind="SPAN_KIND_CLIENT", service_name=~"$service"}[$__rate_interval])) / sum by (service_name) (rate(traces_span_metrics_calls_total{span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER", service_name=~"$service"}[$__rate_interval])))',
            },
          ],
        },
        {
          kind: 'traces',
          title: 'Slow database calls',
          says: 'Single statements that took longer than 250 ms.',
          queries: [
            {
              traceql:
                '{ resource.service.name =~ "$service" && kind = client && span.db.system.name != nil && duration > 250ms }',
            },
          ],
        },
      ],
    },
  ],
}
