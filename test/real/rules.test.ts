// The alerts as shipped, in Prometheus' own rule tester: when each fires, when it does not, and what it says.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { installDebian } from './parts/install.ts'
import { deployHome } from './parts/shipped.ts'

const shipped = join(deployHome, 'prometheus/rules.yml')
const { groups } = parse(readFileSync(shipped, 'utf8')) as {
  groups: {
    name: string
    rules: { alert?: string; labels?: object; annotations?: Record<string, string> }[]
  }[]
}
const alerts = groups.flatMap(group => group.rules.filter(rule => rule.alert !== undefined))
let scratch: string

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'real-rules-'))
  installDebian('prometheus')
}, 300_000)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

type Series = Record<string, string>

interface Expected {
  /** All labels of the alert, but for its name. */
  readonly labels: Record<string, string>
  readonly summary: string
  /** Where the description is a template. */
  readonly description?: string
}

interface Case {
  /** Time between two samples and two evaluations; windows that matter must hold two samples. */
  readonly sample?: string
  readonly evaluate?: string
  /** Name and values, in promtool's notation: `0+5x10` is 0, 5, 10, ... 50. */
  readonly series: Series
  /** Alerts firing at a time, by name; none: silent. */
  readonly at: readonly (readonly [time: string, alert: string, ...expected: Expected[]])[]
  /** Values of expressions at a time. */
  readonly values?: readonly (readonly [time: string, expr: string, labels: string, value: number])[]
}

/** Runs one case; the output of promtool, empty when everything is as expected. */
function judge({ sample = '1m', evaluate = '1m', series, at, values = [] }: Case): string {
  const file = join(scratch, 'test.yml')
  const test = {
    rule_files: [shipped],
    evaluation_interval: evaluate,
    group_eval_order: groups.map(group => group.name),
    tests: [
      {
        interval: sample,
        input_series: Object.entries(series).map(([name, text]) => ({ series: name, values: text })),
        alert_rule_test: at.map(([time, alert, ...expected]) => ({
          eval_time: time,
          alertname: alert,
          exp_alerts: expected.map(one => ({
            exp_labels: one.labels,
            exp_annotations: annotate(alert, one),
          })),
        })),
        promql_expr_test: values.map(([time, expr, labels, value]) => ({
          expr,
          eval_time: time,
          exp_samples: [{ labels, value }],
        })),
      },
    ],
  }
  writeFileSync(file, stringify(test))
  const done = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })
  return done.status === 0 ? '' : `${done.stdout}${done.stderr}`
}

function annotate(alert: string, { labels, summary, description }: Expected): Record<string, string> {
  const rule = alerts.find(
    one =>
      one.alert === alert && Object.entries(one.labels ?? {}).every(([key, value]) => labels[key] === value),
  )
  if (rule?.annotations === undefined) throw new Error(`no ${alert} ${JSON.stringify(labels)}`)
  return { ...rule.annotations, summary, ...(description !== undefined && { description }) } as Record<
    string,
    string
  >
}

test('promtool accepts the rules', () => {
  const done = spawnSync('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', shipped], {
    encoding: 'utf8',
  })
  expect({ status: done.status, output: done.status === 0 ? '' : done.stdout + done.stderr }).toEqual({
    status: 0,
    output: '',
  })
})

const order = { service_name: 'shop', span_name: 'GET /orders' }
const of = (labels: object) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}="${value}"`)
    .join(', ')
const server = `span_kind="SPAN_KIND_SERVER", ${of(order)}`
const durationCount = `traces_span_metrics_duration_seconds_count{${server}, status_code="STATUS_CODE_UNSET"}`
const failedCount = `traces_span_metrics_duration_seconds_count{${server}, status_code="STATUS_CODE_ERROR"}`
const bucket = (le: string) =>
  `traces_span_metrics_duration_seconds_bucket{${server}, status_code="STATUS_CODE_UNSET", le="${le}"}`
const day = 1440

describe('operations', () => {
  test('one slow hour after good days pages, by the window of an hour alone, and is over when the slowness is', () => {
    const good = 3 * day
    const start = good * 100
    // 100 requests a minute; for an hour a fifth of them takes longer than a second.
    const all = `0+100x${good + 90}`
    const fast = `0+100x${good} ${start + 80}+80x59 ${start + 80 * 60 + 100}+100x30`
    const firing = {
      labels: { ...order, severity: 'page', window: '1h' },
      summary: 'shop: 16.92% of "GET /orders" slower than their objective',
    }
    // Both spellings of the boundary: the text format's and that of OpenMetrics.
    for (const le of ['1', '1.0']) {
      expect(
        judge({
          evaluate: '5m',
          series: { [durationCount]: all, [bucket(le)]: fast },
          at: [
            [`${good + 30}m`, 'OperationSlow'],
            [`${good + 55}m`, 'OperationSlow', firing],
            [`${good + 75}m`, 'OperationSlow'],
            [`${good + 50}m`, 'OperationFailing'],
          ],
        }),
      ).toBe('')
    }
  }, 120_000)

  test('a slow leak of 1.5% is a ticket of the longest window and wakes nobody', () => {
    expect(
      judge({
        evaluate: '5m',
        series: { [durationCount]: `0+200x${4 * day}`, [bucket('1')]: `0+197x${4 * day}` },
        at: [
          [
            `${4 * day}m`,
            'OperationSlow',
            {
              labels: { ...order, severity: 'ticket', window: '3d' },
              summary: 'shop: 1.5% of "GET /orders" slower than their objective',
            },
          ],
        ],
      }),
    ).toBe('')
  }, 120_000)

  test('one slow request of two, in an operation with thirty an hour, is no trend', () => {
    expect(
      judge({
        series: { [durationCount]: '0+0.5x240', [bucket('1')]: '0+0.25x240' },
        at: [['4h', 'OperationSlow']],
      }),
    ).toBe('')
  })

  test('errors are counted against a budget of their own, and p99 is recorded', () => {
    const failing = (window: string, severity: string) => ({
      labels: { ...order, severity, window },
      summary: 'shop: 2% of "GET /orders" failing',
    })
    expect(
      judge({
        series: {
          [durationCount]: '0+98x120',
          [failedCount]: '0+2x120',
          [bucket('0.5')]: '0+50x120',
          [bucket('1')]: '0+98x120',
          [bucket('+Inf')]: '0+98x120',
        },
        at: [
          [
            '2h',
            'OperationFailing',
            failing('1h', 'page'),
            failing('6h', 'page'),
            failing('1d', 'ticket'),
            failing('3d', 'ticket'),
          ],
          ['2h', 'ServiceFailing'],
        ],
        values: [
          ['2h', 'round(operation:spans_failed:ratio1h, 0.0001)', `{${of(order)}}`, 0.02],
          // (0.99 * 98 - 50) of the 48 requests between half a second and one.
          ['2h', 'round(operation:span_duration_seconds:p99_5m, 0.0001)', `{${of(order)}}`, 0.9898],
        ],
      }),
    ).toBe('')
  })

  test('a service of which a tenth fails pages after five minutes; client spans are not its own', () => {
    const client = durationCount.replace('SERVER', 'CLIENT').replace('UNSET', 'ERROR')
    expect(
      judge({
        series: { [durationCount]: '0+90x30', [failedCount]: '0+10x30' },
        at: [
          ['4m', 'ServiceFailing'],
          [
            '20m',
            'ServiceFailing',
            {
              labels: { service_name: 'shop', severity: 'page' },
              summary: 'shop: 10% of requests and messages fail',
            },
          ],
        ],
      }),
    ).toBe('')
    expect(
      judge({
        series: { [durationCount]: '0+100x30', [client]: '0+100x30' },
        at: [['20m', 'ServiceFailing']],
      }),
    ).toBe('')
  })
})

describe('Kafka', () => {
  const group = {
    service_name: 'notification',
    messaging_consumer_group_name: 'mail',
    messaging_destination_name: 'payments',
  }
  const consumed = `messaging_client_consumed_messages_total{${of(group)}}`
  const lag = (partition: number, instance: string) =>
    `kafka_consumer_records_lag{${of(group)}, messaging_destination_partition_id="${partition}", instance="${instance}"}`

  test('ten minutes of work waiting is behind; a partition that two processes tell about counts once', () => {
    const behind = { labels: { ...group, severity: 'ticket' }, summary: 'mail is 10m 0s behind on payments' }
    const series = {
      [consumed]: '0+600x30',
      [lag(0, 'a')]: '4000x30',
      [lag(0, 'b')]: '3900x30',
      [lag(1, 'b')]: '2000x30',
    }
    expect(
      judge({
        series,
        at: [
          ['5m', 'KafkaConsumerBehind'],
          ['20m', 'KafkaConsumerBehind', behind],
          ['20m', 'KafkaConsumerStuck'],
        ],
      }),
    ).toBe('')
  })

  test('a hundred thousand records are no problem for a group that processes a thousand a second', () => {
    expect(
      judge({
        series: { [consumed]: '0+60000x30', [lag(0, 'a')]: '100000x30' },
        at: [['20m', 'KafkaConsumerBehind']],
      }),
    ).toBe('')
  })

  test('a group that processes nothing while records wait is stuck; without any waiting it is idle', () => {
    const stuck = {
      labels: { ...group, severity: 'page' },
      summary: 'mail processes nothing of payments, and 7 records wait',
    }
    expect(
      judge({
        series: { [consumed]: '5x30', [lag(0, 'a')]: '7x30' },
        at: [['20m', 'KafkaConsumerStuck', stuck]],
      }),
    ).toBe('')
    expect(
      judge({
        series: { [consumed]: '5x30', [lag(0, 'a')]: '0x30' },
        at: [
          ['20m', 'KafkaConsumerStuck'],
          ['20m', 'KafkaConsumerBehind'],
        ],
      }),
    ).toBe('')
  })
})

describe('telemetry', () => {
  const sampled =
    'otel_sdk_span_started_total{service_name="shop", otel_span_sampling_result="RECORD_AND_SAMPLE", instance="a"}'
  const rejected =
    'otel_sdk_exporter_span_exported_total{service_name="shop", error_type="rejected", instance="a"}'
  const full =
    'otel_sdk_processor_span_processed_total{service_name="shop", error_type="queue_full", instance="a"}'

  test('spans lost in a service are a ticket with the reason, from the first loss on', () => {
    const lost = (reason: string, count: string) => ({
      labels: { service_name: 'shop', error_type: reason, severity: 'ticket' },
      summary: `shop lost ${count} spans in ten minutes (${reason})`,
    })
    expect(
      judge({
        // Both begin with a value, as counters of failures do.
        series: { [sampled]: '0+1000x40', [rejected]: '_x10 500x29', [full]: '_x10 900x29' },
        at: [
          ['9m', 'TelemetryLost'],
          ['18m', 'TelemetryLost', lost('rejected', '500'), lost('queue_full', '900')],
          ['35m', 'TelemetryLost'],
        ],
      }),
    ).toBe('')
  })

  test('one lost span in ten thousand is noise', () => {
    expect(
      judge({ series: { [sampled]: '0+1000x40', [full]: '0+0.1x40' }, at: [['30m', 'TelemetryLost']] }),
    ).toBe('')
  })

  test('a Collector that loses, refuses, fills up or forgets says so, each with its counter', () => {
    const where = { instance: 'gw-0:8888', exporter: 'otlp_grpc/tempo' }
    const alive = 'otelcol_process_uptime{instance="gw-0:8888"}'
    expect(
      judge({
        series: {
          [alive]: '0+60x30',
          [`otelcol_exporter_enqueue_failed_spans{${of(where)}}`]: '0+120x30',
          [`otelcol_exporter_send_failed_log_records{${of(where)}}`]: '0+60x30',
          'otelcol_receiver_refused_metric_points{instance="gw-0:8888", receiver="otlp", transport="grpc"}':
            '0+60x30',
          [`otelcol_exporter_queue_size{${of(where)}, data_type="traces"}`]: '800x30',
          [`otelcol_exporter_queue_capacity{${of(where)}, data_type="traces"}`]: '1000x30',
          'otelcol_processor_tail_sampling_sampling_trace_dropped_too_early{instance="gw-0:8888"}': '0+60x30',
        },
        at: [
          ['3m', 'CollectorLosing'],
          [
            '20m',
            'CollectorLosing',
            {
              labels: { ...where, severity: 'page', counter: 'otelcol_exporter_enqueue_failed_spans' },
              summary: 'Collector gw-0:8888 loses 2 a second on the way to otlp_grpc/tempo',
              description:
                'Its queue is full, or the destination refuses for good. otelcol_exporter_enqueue_failed_spans counts it.',
            },
            {
              labels: { ...where, severity: 'page', counter: 'otelcol_exporter_send_failed_log_records' },
              summary: 'Collector gw-0:8888 loses 1 a second on the way to otlp_grpc/tempo',
              description:
                'Its queue is full, or the destination refuses for good. otelcol_exporter_send_failed_log_records counts it.',
            },
          ],
          [
            '20m',
            'CollectorRefusing',
            {
              labels: {
                instance: 'gw-0:8888',
                receiver: 'otlp',
                severity: 'ticket',
                counter: 'otelcol_receiver_refused_metric_points',
              },
              summary: 'Collector gw-0:8888 refuses 1 a second: its memory is used up',
              description:
                'Senders retry, so nothing is lost yet. otelcol_receiver_refused_metric_points counts it.',
            },
          ],
          [
            '20m',
            'CollectorQueueFilling',
            {
              labels: { ...where, data_type: 'traces', severity: 'ticket' },
              summary: 'The queue of Collector gw-0:8888 to otlp_grpc/tempo is 80% full',
            },
          ],
          [
            '20m',
            'CollectorDecidingTooEarly',
            {
              labels: { instance: 'gw-0:8888', severity: 'ticket' },
              summary: 'Collector gw-0:8888 forgets 1 traces a second before their decision',
            },
          ],
          ['20m', 'CollectorAbsent'],
        ],
      }),
    ).toBe('')
  })

  test('a quiet Collector is quiet, and no Collector at all is a page', () => {
    const where = 'instance="gw-0:8888", exporter="otlp_grpc/tempo"'
    expect(
      judge({
        series: {
          'otelcol_process_uptime{instance="gw-0:8888"}': '0+60x30',
          [`otelcol_exporter_send_failed_spans{${where}}`]: '7x30',
          'otelcol_receiver_refused_spans{instance="gw-0:8888", receiver="otlp"}': '0x30',
          [`otelcol_exporter_queue_size{${where}}`]: '10x30',
          [`otelcol_exporter_queue_capacity{${where}}`]: '1000x30',
        },
        at: [
          'CollectorLosing',
          'CollectorRefusing',
          'CollectorQueueFilling',
          'CollectorDecidingTooEarly',
          'CollectorAbsent',
        ].map(alert => ['20m', alert] as const),
      }),
    ).toBe('')
    expect(
      judge({
        series: { up: '0x30' },
        at: [
          [
            '20m',
            'CollectorAbsent',
            { labels: { severity: 'page' }, summary: 'No Collector can be scraped' },
          ],
        ],
      }),
    ).toBe('')
  })

  test('a service whose requests suddenly come without a trace is told from the edge, where all do, and from a young service that never knew better', () => {
    const calls = (service: string, entry: string, kind = 'SERVER') =>
      `traces_span_metrics_calls_total{service_name="${service}", span_kind="SPAN_KIND_${kind}", trace_entry="${entry}"}`
    // A sample every ten minutes; the change comes after eight days.
    const week = 8 * 144
    const entry = (service: string, kind: string, share: string) => ({
      labels: { service_name: service, span_kind: `SPAN_KIND_${kind}`, severity: 'ticket' },
      summary: `${service}: ${share} more of its traces begin there than a week ago`,
      description: `Requests or messages (SPAN_KIND_${kind}) that used to arrive with a trace arrive without one.`,
    })
    expect(
      judge({
        sample: '10m',
        evaluate: '10m',
        series: {
          [calls('ledger', 'child')]: `0+1000x${week} ${week * 1000 + 800}+800x12`,
          [calls('ledger', 'root')]: `0x${week} 200+200x12`,
          [calls('edge', 'root')]: `0+1000x${week + 13}`,
          // Both, in the proportion of always.
          [calls('mixed', 'root')]: `0+300x${week + 13}`,
          [calls('mixed', 'child')]: `0+700x${week + 13}`,
          // Two days old: compared with yesterday.
          [calls('young', 'child', 'CONSUMER')]: `_x${week - 288} 0+1000x287 288500+500x13`,
          [calls('young', 'root', 'CONSUMER')]: `_x${week - 288} 0x287 500+500x13`,
          [calls('new', 'root')]: `_x${week} 0+1000x13`,
        },
        at: [
          [`${week * 10 - 10}m`, 'TracesBroken'],
          [
            `${(week + 10) * 10}m`,
            'TracesBroken',
            entry('ledger', 'SERVER', '20%'),
            entry('young', 'CONSUMER', '50%'),
          ],
        ],
      }),
    ).toBe('')
  }, 120_000)
})

test('no alert is without a case above', () => {
  const source = readFileSync(__filename, 'utf8')
  for (const { alert } of alerts)
    expect({ alert, cases: source.split(`'${alert}'`).length > 2 }).toEqual({ alert, cases: true })
})
