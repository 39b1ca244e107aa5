// The Node.js processes: event loop, garbage collection, heap. Of several processes the worst is shown.
import type { DashboardSpec } from './panel.ts'

const where = 'service_name=~"$service"'
const worst = (metric: string) => `max by (service_name) (${metric}{${where}})`
const legend = '{{service_name}}'

export const runtime: DashboardSpec = {
  uid: 'org-otel-runtime',
  title: 'Node.js: event loop, garbage collection, heap',
  says: 'When a service is slow and its traces show gaps in which nothing happens, the reason is here.',
  variables: [
    { name: 'service', label: 'Service', metric: 'nodejs_eventloop_utilization_ratio', of: 'service_name' },
  ],
  rows: [
    {
      title: 'Event loop',
      panels: [
        {
          kind: 'lines',
          title: 'Utilization',
          says: 'Share of time the loop is busy. Above 0.9 requests wait for each other.',
          unit: 'percentunit',
          width: 8,
          max: 1,
          queries: [{ expr: worst('nodejs_eventloop_utilization_ratio'), legend }],
        },
        {
          kind: 'lines',
          title: 'Delay, 99th percentile',
          says: 'How late timers are. What is above the usual 10 ms is added to every request.',
          unit: 's',
          width: 8,
          queries: [{ expr: worst('nodejs_eventloop_delay_p99_seconds'), legend }],
        },
        {
          kind: 'lines',
          title: 'Delay, largest',
          says: 'The longest blockage since the last export. A single one of seconds is a synchronous call, or JSON of megabytes.',
          unit: 's',
          width: 8,
          queries: [{ expr: worst('nodejs_eventloop_delay_max_seconds'), legend }],
        },
      ],
    },
    {
      title: 'Memory',
      panels: [
        {
          kind: 'lines',
          title: 'Time in garbage collection',
          says: 'Share of time. Above a few percent the heap is too small or something allocates in a loop.',
          unit: 'percentunit',
          width: 8,
          queries: [
            {
              expr: `max by (service_name, v8js_gc_type) (rate(v8js_gc_duration_seconds_sum{${where}}[$__rate_interval]))`,
              legend: '{{service_name}} {{v8js_gc_type}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Longest pauses',
          says: '99th percentile of single collections. Major ones stop everything.',
          unit: 's',
          width: 8,
          queries: [
            {
              expr: `histogram_quantile(0.99, sum by (le, service_name, v8js_gc_type) (rate(v8js_gc_duration_seconds_bucket{${where}}[$__rate_interval])))`,
              legend: '{{service_name}} {{v8js_gc_type}}',
            },
          ],
        },
        {
          kind: 'area',
          title: 'Heap in use, by space',
          says: 'old_space that grows over days and never falls back is a leak.',
          unit: 'bytes',
          width: 8,
          queries: [
            {
              expr: `sum by (service_name, v8js_heap_space_name) (v8js_memory_heap_used_bytes{${where}})`,
              legend: '{{service_name}} {{v8js_heap_space_name}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Heap reserved',
          says: 'What V8 has taken from the system, over all processes of a service.',
          unit: 'bytes',
          width: 8,
          queries: [{ expr: `sum by (service_name) (v8js_memory_heap_space_size_bytes{${where}})`, legend }],
        },
        {
          kind: 'lines',
          title: 'Active resources',
          says: 'Sockets, timers and files that keep the process alive. A line that only rises is a leak of connections.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `sum by (service_name, v8js_resource_type) (v8js_resource_active{${where}})`,
              legend: '{{service_name}} {{v8js_resource_type}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Connections to the database',
          says: 'Requests that wait for a connection: more than none for long, and the pool is too small or a transaction is too long.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `sum by (service_name) (db_client_connection_pending_requests{${where}})`,
              legend: '{{service_name}} waiting',
            },
            {
              expr: `sum by (service_name, db_client_connection_state) (db_client_connection_count{${where}})`,
              legend: '{{service_name}} {{db_client_connection_state}}',
            },
          ],
        },
      ],
    },
  ],
}
