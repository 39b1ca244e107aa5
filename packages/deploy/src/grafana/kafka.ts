// Kafka as the services see it: what is sent and consumed, how far consumers are behind, how long messages wait.
import type { DashboardSpec } from './panel.ts'

const where = 'service_name=~"$service", messaging_destination_name=~"$topic"'
const groupOf = 'messaging_consumer_group_name, messaging_destination_name'
const groupLegend = '{{messaging_consumer_group_name}} {{messaging_destination_name}}'
const p99 = (metric: string, by: string) =>
  `histogram_quantile(0.99, sum by (le, ${by}) (rate(${metric}{${where}}[$__rate_interval])))`

export const kafka: DashboardSpec = {
  uid: 'org-otel-kafka',
  title: 'Kafka: lag, waiting, processing',
  says: 'Measured by producers and consumers; the brokers are not asked.',
  variables: [
    { name: 'service', label: 'Service', metric: 'traces_span_metrics_calls_total', of: 'service_name' },
    {
      name: 'topic',
      label: 'Topic',
      metric: 'messaging_client_sent_messages_total',
      of: 'messaging_destination_name',
    },
  ],
  rows: [
    {
      title: 'Falling behind',
      panels: [
        {
          kind: 'lines',
          title: 'Backlog',
          says: 'Time a group needs to work off what waits, at its present speed. Minutes that grow mean more consumers or faster handlers.',
          unit: 's',
          queries: [
            {
              expr: 'group:kafka_backlog:seconds{service_name=~"$service", messaging_destination_name=~"$topic"}',
              legend: groupLegend,
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Lag by partition',
          says: 'Records between the last one delivered and the end. One partition that grows alone has a hot key or a poisoned message.',
          unit: 'short',
          queries: [
            {
              expr: `max by (${groupOf}, messaging_destination_partition_id) (kafka_consumer_records_lag{${where}})`,
              legend: `${groupLegend} [{{messaging_destination_partition_id}}]`,
            },
          ],
        },
        {
          kind: 'traces',
          title: 'Messages that waited longer than a second',
          says: 'Time in the queue, from the timestamp of the message to its delivery: kafka.record.queue_time_ms on every process span.',
          width: 24,
          queries: [
            {
              traceql:
                '{ resource.service.name =~ "$service" && kind = consumer && span.kafka.record.queue_time_ms > 1000 }',
            },
          ],
        },
      ],
    },
    {
      title: 'Work',
      panels: [
        {
          kind: 'lines',
          title: 'Processing, 99th percentile',
          says: 'How long handlers take per message. The diamonds open traces.',
          unit: 's',
          queries: [
            {
              expr: p99('messaging_process_duration_seconds_bucket', groupOf),
              legend: groupLegend,
              exemplars: true,
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Sending, 99th percentile',
          says: 'How long producers wait for the brokers.',
          unit: 's',
          queries: [
            {
              expr: p99(
                'messaging_client_operation_duration_seconds_bucket',
                'service_name, messaging_destination_name',
              ),
              legend: '{{service_name}} {{messaging_destination_name}}',
              exemplars: true,
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Sent and consumed',
          says: 'Messages per second. Consumed is counted once per group, so two groups make twice as many.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (messaging_destination_name) (rate(messaging_client_sent_messages_total{${where}}[$__rate_interval]))`,
              legend: 'sent {{messaging_destination_name}}',
            },
            {
              expr: `sum by (${groupOf}) (rate(messaging_client_consumed_messages_total{${where}}[$__rate_interval]))`,
              legend: `consumed ${groupLegend}`,
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Failures',
          says: 'Handlers that threw and sends that failed, per second, by error.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (${groupOf}, error_type) (rate(messaging_process_duration_seconds_count{${where}, error_type!=""}[$__rate_interval]))`,
              legend: `${groupLegend} {{error_type}}`,
            },
            {
              expr: `sum by (service_name, messaging_destination_name, error_type) (rate(messaging_client_operation_duration_seconds_count{${where}, error_type!=""}[$__rate_interval]))`,
              legend: 'send {{service_name}} {{messaging_destination_name}} {{error_type}}',
            },
          ],
        },
      ],
    },
  ],
}
