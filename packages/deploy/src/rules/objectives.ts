// Service level objectives per operation: 99% of the requests faster than a threshold (so: its p99), 99.9% without
// error. Alerts are by burn rate over two windows each (The Site Reliability Workbook, chapter 5): the long window says
// that it matters, the short one that it is still going on.
import type { Alert, Recording, RuleGroup, Severity } from './rule.ts'
import { type Objective, settings } from './settings.ts'

// What a service does for others. Client spans are somebody else's operations.
const kinds = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"'
const by = 'sum by (service_name, span_name)'

interface Burn {
  readonly severity: Severity
  /** At this speed a budget of 30 days is gone in 30 days / `factor`. */
  readonly factor: number
  readonly long: string
  readonly short: string
  readonly for: string
}

export const burns: readonly Burn[] = [
  { severity: 'page', factor: 14.4, long: '1h', short: '5m', for: '2m' },
  { severity: 'page', factor: 6, long: '6h', short: '30m', for: '5m' },
  { severity: 'ticket', factor: 3, long: '1d', short: '2h', for: '15m' },
  { severity: 'ticket', factor: 1, long: '3d', short: '6h', for: '1h' },
]

const windows = [...new Set(burns.flatMap(burn => [burn.long, burn.short]))]

interface Indicator {
  readonly name: 'slow' | 'failed'
  readonly alert: string
  readonly budget: number
  readonly runbook: string
  readonly what: string
}

const indicators: readonly Indicator[] = [
  {
    name: 'slow',
    alert: 'OperationSlow',
    budget: round(1 - settings.fastShare),
    runbook: 'operation-slow',
    what: 'slower than their objective',
  },
  {
    name: 'failed',
    alert: 'OperationFailing',
    budget: round(1 - settings.successShare),
    runbook: 'operation-failing',
    what: 'failing',
  },
]

export const objectiveGroups: readonly RuleGroup[] = [
  { name: 'org-otel-operations', rules: [...rates(), ...ratios()] },
  {
    name: 'org-otel-objectives',
    rules: indicators.flatMap(indicator => burns.map(burn => burnAlert(indicator, burn))),
  },
  { name: 'org-otel-services', rules: [...serviceRates(), serviceErrors()] },
]

/** Requests per second of each operation: all, slow, failed. Everything else is made of these three. */
function rates(): Recording[] {
  return [
    {
      record: 'operation:spans:rate5m',
      expr: `${by} (rate(traces_span_metrics_duration_seconds_count{${kinds}}[5m]))`,
    },
    {
      record: 'operation:spans_slow:rate5m',
      expr: `operation:spans:rate5m - (${fast(settings.objectives)})`,
    },
    {
      record: 'operation:spans_failed:rate5m',
      expr: `${by} (rate(traces_span_metrics_duration_seconds_count{${kinds}, status_code="STATUS_CODE_ERROR"}[5m])) or operation:spans:rate5m * 0`,
    },
    {
      record: 'operation:span_duration_seconds:p99_5m',
      expr: `histogram_quantile(0.99, sum by (le, service_name, span_name) (rate(traces_span_metrics_duration_seconds_bucket{${kinds}}[5m])))`,
    },
  ]
}

/** Each operation counts against the first objective that fits it: `or` keeps what is already there. */
function fast(objectives: readonly Objective[]): string {
  return objectives
    .map(({ service, operation, seconds }) => {
      const where = [
        kinds,
        // A boundary of 1 is written `1` in the text format and `1.0` in OpenMetrics.
        Number.isInteger(seconds) ? `le=~"${seconds}([.]0)?"` : `le="${seconds}"`,
        ...(service === '.*' ? [] : [`service_name=~"${service}"`]),
        ...(operation === '.*' ? [] : [`span_name=~"${operation}"`]),
      ]
      return `${by} (rate(traces_span_metrics_duration_seconds_bucket{${where.join(', ')}}[5m]))`
    })
    .join(' or ')
}

/** Sums of rates rather than an average of ratios: a quiet hour weighs little. */
function ratios(): Recording[] {
  return indicators.flatMap(({ name }) =>
    windows.map(window => ({
      record: `operation:spans_${name}:ratio${window}`,
      expr:
        window === '5m'
          ? `operation:spans_${name}:rate5m / operation:spans:rate5m`
          : `sum_over_time(operation:spans_${name}:rate5m[${window}]) / sum_over_time(operation:spans:rate5m[${window}])`,
    })),
  )
}

function burnAlert(indicator: Indicator, burn: Burn): Alert {
  const { name, alert, budget, runbook, what } = indicator
  const limit = round(burn.factor * budget)
  const enough = `avg_over_time(operation:spans:rate5m[${burn.long}]) * 3600 >= ${settings.minRequestsPerHour}`
  return {
    alert,
    expr: `operation:spans_${name}:ratio${burn.long} > ${limit} and operation:spans_${name}:ratio${burn.short} > ${limit} and ${enough}`,
    for: burn.for,
    severity: burn.severity,
    labels: { window: burn.long },
    summary: `{{ $labels.service_name }}: {{ $value | humanizePercentage }} of "{{ $labels.span_name }}" ${what}`,
    description: `Over ${burn.long}, against a budget of ${percent(budget)}. At this speed the budget of 30 days lasts ${lasts(burn.factor)}.`,
    runbook,
  }
}

function serviceRates(): Recording[] {
  const failed = `sum by (service_name) (operation:spans_failed:rate5m)`
  return [
    { record: 'service:spans:rate5m', expr: 'sum by (service_name) (operation:spans:rate5m)' },
    { record: 'service:spans_failed:ratio5m', expr: `${failed} / service:spans:rate5m` },
  ]
}

function serviceErrors(): Alert {
  return {
    alert: 'ServiceFailing',
    expr: `service:spans_failed:ratio5m > ${settings.errorShare} and service:spans:rate5m * 3600 >= ${settings.minRequestsPerHour}`,
    for: '5m',
    severity: 'page',
    summary: '{{ $labels.service_name }}: {{ $value | humanizePercentage }} of requests and messages fail',
    description: `More than ${percent(settings.errorShare)} for five minutes, over all operations of the service.`,
    runbook: 'operation-failing',
  }
}

function lasts(factor: number): string {
  const hours = Math.round((30 * 24) / factor)
  return hours >= 72 ? `${Math.round(hours / 24)} days` : `${hours} hours`
}

function percent(share: number): string {
  return `${round(share * 100)}%`
}

/** 1 - 0.99 is 0.010000000000000009. */
function round(value: number): number {
  return Number(value.toPrecision(6))
}
