#!/usr/bin/env node
import { startReceiver } from './receive/receiver.ts'
import { watchFinished } from './store/quiet.ts'
import type { LogRecord, Span } from './store/record.ts'
// otel-view: receives OTLP and prints every trace when it is finished.
import { bodyText } from './store/store.ts'
import type { Trace } from './store/trace.ts'
import { findInsights } from './waterfall/insights.ts'
import { findLinked, renderTrace, renderTraceList } from './waterfall/waterfall.ts'

const usage = `otel-view: receives OpenTelemetry data (OTLP) and prints every trace when it is finished.

  otel-view [options]

  --port <n>    one port for gRPC and HTTP; default: 4317 and 4318, both for both
  --host <a>    address to listen on; default localhost: 127.0.0.1 and ::1
  --list        one line per trace instead of a waterfall
  --json        one JSON object per trace on stdout
  --no-color    plain text
  --help        this text

  Then, in another terminal:
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 NODE_OPTIONS="--require @org/otel/register" node app.js
`

interface Options {
  port: number | undefined
  host: string
  list: boolean
  json: boolean
  color: boolean
}

function parseArguments(argv: readonly string[]): Options | string {
  const options: Options = {
    port: undefined,
    host: 'localhost',
    list: false,
    json: false,
    color: process.stdout.isTTY === true && !process.env.NO_COLOR,
  }
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!
    if (argument === '--help' || argument === '-h') return ''
    if (argument === '--list') options.list = true
    else if (argument === '--json') options.json = true
    else if (argument === '--no-color') options.color = false
    else if (argument === '--host') options.host = argv[++i] ?? ''
    else if (argument === '--port') {
      const port = Number(argv[++i])
      if (!Number.isInteger(port) || port < 0 || port > 65535)
        return '--port: expected a number from 0 to 65535'
      options.port = port
    } else return `unknown option ${argument}`
  }
  return options
}

/** A trace as one line of JSON: stable names, ids and numbers a program can use. */
function toJson(trace: Trace, logs: readonly LogRecord[]): string {
  const { traceId, startMs, durationMs, services, errors } = trace
  const spans = trace.spans.map((span: Span) => ({
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? null,
    name: span.name,
    kind: span.kind,
    service: span.service,
    startMs: span.startMs,
    durationMs: span.durationMs,
    status: span.status,
    attributes: span.attributes,
    events: span.events.map(({ name, timeMs, attributes }) => ({ name, timeMs, attributes })),
    links: span.links.map(link => ({ traceId: link.traceId, spanId: link.spanId })),
  }))
  const insights = findInsights(trace).map(({ kind, message, spans }) => ({
    kind,
    message,
    spanIds: spans.map(span => span.spanId),
  }))
  const lines = logs.map(log => ({
    timeMs: log.timeMs,
    severity: log.severity,
    service: log.service,
    spanId: log.spanId ?? null,
    body: bodyText(log.body),
  }))
  const object = { traceId, startMs, durationMs, services, errors, spans, insights, logs: lines }
  return JSON.stringify(object, (_, value) => (typeof value === 'bigint' ? value.toString() : value))
}

async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2))
  if (typeof options === 'string') {
    const wrong = options !== ''
    process[wrong ? 'stderr' : 'stdout'].write(wrong ? `otel-view: ${options}\n\n${usage}` : usage)
    process.exitCode = wrong ? 2 : 0
    return
  }
  if (process.env.NODE_ENV === 'production') {
    process.stderr.write('otel-view: NODE_ENV is "production"; this tool is for development only\n')
    process.exitCode = 2
    return
  }
  const { host } = options
  const ports = options.port === undefined ? { port: 4318, grpcPort: 4317 } : { port: options.port }
  const receiver = await startReceiver({ host, ...ports })
  process.stderr.write(`listening on ${receiver.url} (gRPC: ${receiver.grpcUrl})\n`)
  watchFinished(receiver.store, trace => {
    const logs = receiver.store.logs({ traceId: trace.traceId })
    const { color } = options
    const width = process.stdout.columns ?? 120
    const text = options.json
      ? toJson(trace, logs)
      : options.list
        ? renderTraceList([trace], { color, width })
        : `${renderTrace(trace, { color, width, logs, linked: findLinked(receiver.store, trace) })}\n`
    process.stdout.write(`${text}\n`)
  })
  const stop = () => {
    const { traces, spans, logs } = receiver.store.dropped
    if (traces + logs > 0)
      process.stderr.write(`oldest dropped: ${traces} traces (${spans} spans), ${logs} logs\n`)
    void receiver.close()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  // The reader of a pipe may leave first.
  process.stdout.on('error', stop)
}

main().catch((error: NodeJS.ErrnoException) => {
  const advice = error.code === 'EADDRINUSE' ? '; is another receiver running? try --port 0' : ''
  process.stderr.write(`otel-view: ${error.message}${advice}\n`)
  process.exitCode = 1
})
