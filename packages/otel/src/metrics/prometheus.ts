// OTEL_METRICS_EXPORTER=prometheus: a small server that Prometheus scrapes. Plain text or OpenMetrics with exemplars,
// whichever the scraper prefers. It never keeps the process alive, and whatever is sent to it ends nothing but its
// own connection (CVE-2026-44902 was one malformed request that ended the process).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { prefersOpenMetrics } from '@org/otel-exemplars/accept'
import {
  type Family,
  openMetricsType,
  plainTextType,
  renderOpenMetrics,
  renderPlainText,
} from '@org/otel-exemplars/open-metrics'
import { runUntraced, untraced } from '../export/untraced.ts'
import { messageOf } from '../self/error-text.ts'
import { swallow } from '../self/guard.ts'
import { say } from '../self/log.ts'
import { type PageInfo, PrometheusFamilies } from './prometheus-families.ts'

export interface PrometheusOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly info: PageInfo
  gather(): Promise<ResourceMetrics>
  /** How long nobody may scrape before we look ourselves. Default 5 minutes. */
  readonly idleMs?: number
}

// A scrape is small, rare and read at once; whoever is slower than this is not a scraper.
const limits = { headersTimeout: 5000, requestTimeout: 5000, keepAliveTimeout: 5000, maxHeaderSize: 16_384 }
const maxConnections = 50

export class PrometheusExporter {
  private readonly options: PrometheusOptions
  private readonly families: PrometheusFamilies
  private server: Server | undefined
  private idle: NodeJS.Timeout | undefined

  constructor(options: PrometheusOptions) {
    this.options = options
    this.families = new PrometheusFamilies(options.info)
  }

  /** Never throws; a port that is taken is said once and the application goes on. */
  start(): void {
    const { host, port } = this.options
    runUntraced(() => {
      const server = createServer(limits, (request, response) => {
        this.answer(request, response).catch(error => {
          swallow('prometheus', error)
          response.destroy()
        })
      })
      // Our own instrumentation looks for this mark and leaves the server alone.
      Object.defineProperty(server, untraced, { value: true })
      server.maxConnections = maxConnections
      server.on('error', error => this.explain(error as NodeJS.ErrnoException))
      server.on('clientError', (_error, socket) => socket.destroy())
      server.on('connection', socket => socket.unref())
      server.listen(port, host)
      server.unref()
      this.server = server
      // The SDK keeps for every reader what the others have collected since (opentelemetry-js issues 4115, 4163): a page
      // that nobody reads would grow for as long as the process lives. Totals and exemplars stay.
      this.idle = setInterval(() => {
        this.collect().catch(error => swallow('prometheus', error))
      }, this.options.idleMs ?? 300_000)
      this.idle.unref()
    })
  }

  /** The port that is listened on; undefined before and after. */
  get port(): number | undefined {
    const address = this.server?.address()
    return typeof address === 'object' && address !== null ? address.port : undefined
  }

  stop(): void {
    clearInterval(this.idle)
    this.server?.close()
    this.server?.closeAllConnections()
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {})
    response.on('error', () => {})
    const path = (request.url ?? '').split('?')[0]
    if (path !== '/metrics') return this.send(request, response, 404, 'text/plain', 'see /metrics\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return this.send(request, response, 405, 'text/plain', 'GET only\n')
    }
    let page: string
    const isOpen = prefersOpenMetrics(request.headers.accept)
    try {
      const families = await this.collect()
      this.idle?.refresh()
      page = isOpen ? renderOpenMetrics(families) : renderPlainText(families)
    } catch (error) {
      const text = messageOf(error)
      say('warn', 'ORG_OTEL_METRICS_EXPORT', `the /metrics page could not be collected: ${text}`)
      return this.send(request, response, 500, 'text/plain', 'collecting failed, see stderr\n')
    }
    this.send(request, response, 200, isOpen ? openMetricsType : plainTextType, page)
  }

  private async collect(): Promise<Family[]> {
    return this.families.build(await this.options.gather())
  }

  private send(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    type: string,
    body: string,
  ): void {
    const length = Buffer.byteLength(body)
    response.writeHead(status, {
      'content-type': type,
      'content-length': length,
      'x-content-type-options': 'nosniff',
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  private explain(error: NodeJS.ErrnoException): void {
    const { host, port } = this.options
    const what = error.code === 'EADDRINUSE' ? 'another process (or worker) listens there' : error.message
    say(
      'warn',
      'ORG_OTEL_PROMETHEUS_PORT',
      `cannot listen on ${host}:${port}: ${what}; this process serves no /metrics, set OTEL_EXPORTER_PROMETHEUS_PORT`,
    )
  }
}
