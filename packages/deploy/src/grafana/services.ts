// Rate, errors, duration of each service, and the traces behind them.
import type { DashboardSpec } from './panel.ts'

// What a service does for others: requests it answers and messages it processes.
const entries = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER", service_name=~"$service"'
const calls = `traces_span_metrics_calls_total{${entries}}`
const failed = `traces_span_metrics_calls_total{${entries}, status_code="STATUS_CODE_ERROR"}`
const buckets = `traces_span_metrics_duration_seconds_bucket{${entries}}`
const http = 'http_server_request_duration_seconds_count{service_name=~"$service"}'

const quantile = (share: number) =>
  `histogram_quantile(${share}, sum by (le, service_name) (rate(${buckets}[$__rate_interval])))`

export const services: DashboardSpec = {
  uid: 'org-otel-services',
  title: 'Services: rate, errors, duration',
  says: 'Counted from all spans before sampling: the numbers are those of all requests, whatever share of traces is kept.',
  variables: [
    { name: 'service', label: 'Service', metric: 'traces_span_metrics_calls_total', of: 'service_name' },
  ],
  rows: [
    {
      title: 'Requests and messages',
      panels: [
        {
          kind: 'lines',
          title: 'Rate',
          says: 'Requests answered and messages processed per second. A service that falls to nothing is as bad as one that fails.',
          unit: 'reqps',
          width: 8,
          queries: [
            { expr: `sum by (service_name) (rate(${calls}[$__rate_interval]))`, legend: '{{service_name}}' },
          ],
        },
        {
          kind: 'lines',
          title: 'Errors',
          says: 'Share of them that ended in an error: 5xx, or a handler that threw.',
          unit: 'percentunit',
          width: 8,
          queries: [
            {
              expr: `(sum by (service_name) (rate(${failed}[$__rate_interval])) or 0 * sum by (service_name) (rate(${calls}[$__rate_interval]))) / sum by (service_name) (rate(${calls}[$__rate_interval]))`,
              legend: '{{service_name}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Duration, 99th percentile',
          says: 'The diamonds are single requests: click one and open its trace.',
          unit: 's',
          width: 8,
          queries: [{ expr: quantile(0.99), legend: '{{service_name}}', exemplars: true }],
        },
      ],
    },
    {
      title: 'Where the time goes',
      panels: [
        {
          kind: 'heatmap',
          title: 'Durations',
          says: 'How many requests took how long. Two bands mean two kinds of requests; the dots above them open traces.',
          unit: 's',
          queries: [
            { expr: `sum by (le) (rate(${buckets}[$__rate_interval]))`, legend: '{{le}}', exemplars: true },
          ],
        },
        {
          kind: 'lines',
          title: 'Duration: median and 95th percentile',
          says: 'When the median moves everybody is slower; when only the upper lines move, somebody is.',
          unit: 's',
          queries: [
            { expr: quantile(0.5), legend: '{{service_name}} p50' },
            { expr: quantile(0.95), legend: '{{service_name}} p95', exemplars: true },
          ],
        },
      ],
    },
    {
      title: 'HTTP',
      panels: [
        {
          kind: 'table',
          title: 'By route and status',
          says: 'Requests per second, as the services themselves measure them.',
          unit: 'reqps',
          queries: [
            {
              expr: `sort_desc(sum by (service_name, http_request_method, http_route, http_response_status_code) (rate(${http}[$__rate_interval])) > 0)`,
            },
          ],
        },
        {
          kind: 'traces',
          title: 'Failed requests',
          says: 'The latest traces with an error. All of them are kept (tail sampling).',
          queries: [
            { traceql: '{ resource.service.name =~ "$service" && status = error && kind = server }' },
          ],
        },
      ],
    },
  ],
}
