// Consumers that fall behind. The lag in records says little (a million may be a second of work), so the alert is on the
// time it takes to work it off at the present speed.
import type { RuleGroup } from './rule.ts'
import { settings } from './settings.ts'

const group = 'service_name, messaging_consumer_group_name, messaging_destination_name'

export const kafkaGroups: readonly RuleGroup[] = [
  {
    name: 'org-otel-kafka',
    rules: [
      {
        // After a rebalance two processes tell about the same partition until the old series ends: the larger counts once.
        record: 'group:kafka_records_lag:sum',
        expr: `sum by (${group}) (max by (${group}, messaging_destination_partition_id) (kafka_consumer_records_lag))`,
      },
      {
        record: 'group:kafka_consumed:rate5m',
        expr: `sum by (${group}) (rate(messaging_client_consumed_messages_total[5m]))`,
      },
      {
        record: 'group:kafka_backlog:seconds',
        expr: 'group:kafka_records_lag:sum / (group:kafka_consumed:rate5m > 0)',
      },
      {
        alert: 'KafkaConsumerBehind',
        expr: `group:kafka_backlog:seconds > ${settings.kafkaBacklogSeconds}`,
        for: '10m',
        severity: 'ticket',
        summary:
          '{{ $labels.messaging_consumer_group_name }} is {{ $value | humanizeDuration }} behind on {{ $labels.messaging_destination_name }}',
        description:
          'Records waiting, divided by records processed per second. It has not caught up for ten minutes.',
        runbook: 'kafka-consumer-behind',
      },
      {
        alert: 'KafkaConsumerStuck',
        expr: `group:kafka_records_lag:sum > 0 and group:kafka_consumed:rate5m == 0`,
        for: '10m',
        severity: 'page',
        summary:
          '{{ $labels.messaging_consumer_group_name }} processes nothing of {{ $labels.messaging_destination_name }}, and {{ $value }} records wait',
        description: 'Connected and assigned, but no message was handed to the application for ten minutes.',
        runbook: 'kafka-consumer-behind',
      },
    ],
  },
]
