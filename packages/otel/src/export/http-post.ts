// One POST, for the senders that speak HTTP/1.1: connections are kept, redirects not followed, answers bounded. Nothing of
// `node:http` is used: what others patch there is not called, and what the application runs there stays as fast as it was.
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import type { OtlpTarget } from '../config/config.ts'
import { swallow } from '../self/guard.ts'
import { describeFailure } from './failure.ts'
import { HttpConnection } from './http-connection.ts'
import { fdOf, type OpenConnection, readAnswers, readHttpVerdict } from './late-answers.ts'
import { sendNow } from './send-now.ts'
import type { LateAnswers, SentNow } from './sender.ts'
import { readTlsFiles } from './tls-files.ts'
import type { WireRequest } from './wire-request.ts'

/** Connections that wait for the next batch; more are open only while more batches are under way. */
const maxIdle = 2
const headerName = /^[\w!#$%&'*+.^`|~-]+$/
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

export type Answer =
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer }
  | { readonly error: string; readonly says: string }

export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly timeoutMs: number
  readonly tls: OtlpTarget['tls']
}

type Headers = Readonly<Record<string, string>>

/** Where requests to one URL go: worked out once, not for every batch. */
interface Place {
  readonly path: string
  /** What a request has when the user does not say otherwise. */
  readonly headers: Headers
  readonly connections: Connections
}

/** Those to one origin with one set of certificates. */
class Connections {
  private readonly open: () => Socket
  private readonly all = new Set<HttpConnection>()
  private readonly idle: HttpConnection[] = []

  constructor(open: () => Socket) {
    this.open = open
  }

  take(): HttpConnection {
    for (;;) {
      const kept = this.idle.pop()
      if (kept === undefined) break
      if (kept.isUsable()) return kept
      kept.destroy()
    }
    const connection = new HttpConnection(
      this.open(),
      idle => {
        if (this.idle.length < maxIdle) this.idle.push(idle)
        else idle.destroy()
      },
      gone => {
        this.all.delete(gone)
        const at = this.idle.indexOf(gone)
        if (at !== -1) this.idle.splice(at, 1)
      },
    )
    this.all.add(connection)
    return connection
  }

  /** For the `exit` event: writes to an idle connection itself. */
  sendNow(head: string, body: Buffer, endMs: number): SentNow {
    for (;;) {
      const kept = this.idle.pop()
      if (kept === undefined) return 'failed'
      const fd = kept.isUsable() ? fdOf(kept.socket) : -1
      if (fd < 0) continue
      const { outcome, canGoOn } = sendNow(fd, head, body, endMs)
      if (canGoOn) this.idle.push(kept)
      if (outcome !== 'failed' || canGoOn) return outcome
    }
  }

  [Symbol.iterator](): Iterator<HttpConnection> {
    return this.all.values()
  }

  close(): void {
    for (const connection of this.all) connection.destroy()
  }
}

export class HttpClient {
  private readonly origins = new Map<string, Promise<Connections>>()
  private readonly places = new Map<string, Promise<Place>>()
  private readonly known = new Map<string, Place>()
  private readonly connections = new Set<Connections>()

  /** Ends within `timeoutMs`, never rejects. */
  async post(post: Post): Promise<Answer> {
    try {
      const { path, headers, connections } = await this.placeOf(post)
      const head = writeHead(path, { ...headers, ...post.headers }, post.body.length)
      let result = await connections.take().send(head, post.body, post.timeoutMs)
      // The other side may close an idle connection in the very moment we use it. Whether it had read the request before
      // that cannot be known, so it goes again, at once.
      if ('error' in result && result.isStale)
        result = await connections.take().send(head, post.body, post.timeoutMs)
      if ('error' in result) return describeError(result.error)
      const { status, headers: answered, body } = result.answer
      return { status, headers: answered, body }
    } catch (error) {
      // A URL or a header value that cannot be sent.
      return describeError(error)
    }
  }

  /** For the `exit` event, by the bodies posted: see `Sender`. */
  readAnswers(budgetMs: number): LateAnswers {
    const open = [...this.connections].flatMap(connections => [...connections])
    return readAnswers(open.flatMap(describeOpen), budgetMs)
  }

  /** For the `exit` event: see `Sender`. */
  sendNow({ url, tls, headers, body, gzipped }: WireRequest, budgetMs: number): SentNow {
    const place = this.known.get(`${url} ${keyOf(tls)}`)
    if (place === undefined) return 'failed'
    const coding = gzipped ? { 'content-encoding': 'gzip' } : {}
    const head = writeHead(place.path, { ...place.headers, ...headers, ...coding }, body.length)
    return place.connections.sendNow(head, body, performance.now() + budgetMs)
  }

  close(): void {
    for (const connections of this.connections) connections.close()
    this.connections.clear()
    this.origins.clear()
    this.places.clear()
    this.known.clear()
  }

  private placeOf({ url, tls }: Post): Promise<Place> {
    return remember(this.places, `${url} ${keyOf(tls)}`, () => this.findPlace(url, tls))
  }

  private async findPlace(text: string, tls: OtlpTarget['tls']): Promise<Place> {
    const url = new URL(text)
    const place = {
      path: url.pathname + url.search,
      headers: { host: url.host, connection: 'keep-alive', ...readAuthorization(url) },
      connections: await remember(this.origins, `${url.protocol}//${url.host} ${keyOf(tls)}`, async () => {
        const connections = new Connections(await prepare(url, tls))
        this.connections.add(connections)
        return connections
      }),
    }
    this.known.set(`${text} ${keyOf(tls)}`, place)
    return place
  }
}

function describeOpen({ body, socket, status }: HttpConnection): OpenConnection[] {
  if (body === undefined) return []
  const verdict = status === 0 ? 'open' : status >= 200 && status < 300 ? 'accepted' : 'refused'
  const isWritten = socket.writableLength === 0
  return [{ requests: [{ socket, body, isWritten, verdict }], read: readHttpVerdict(body) }]
}

/** What fails is not remembered: certificates may be there when the next batch leaves. */
function remember<T>(map: Map<string, Promise<T>>, key: string, find: () => Promise<T>): Promise<T> {
  let found = map.get(key)
  if (found === undefined) {
    found = find()
    map.set(key, found)
    found.catch(() => map.delete(key))
  }
  return found
}

async function prepare(url: URL, tls: OtlpTarget['tls']): Promise<() => Socket> {
  const isSecure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const to: NetConnectOpts = {
    host,
    port: Number(url.port) || (isSecure ? 443 : 80),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 1000,
  }
  if (!isSecure) return () => connect(to)
  const { connect: connectTls } = await import('node:tls')
  const options = {
    ...to,
    ...readTlsFiles(tls),
    ALPNProtocols: ['http/1.1'],
    // No name in the handshake for an address (RFC 6066 section 3).
    servername: isIP(host) === 0 ? host : '',
  }
  return () => connectTls(options)
}

function writeHead(path: string, headers: Headers, length: number): string {
  let head = `POST ${path} HTTP/1.1\r\n`
  for (const name of Object.keys(headers)) {
    // The body is as long as it is, and comes in one piece.
    if (name === 'content-length' || name === 'transfer-encoding') continue
    const value = headers[name]!
    if (!headerName.test(name) || !headerValue.test(value)) throw illegalHeader()
    head += `${name}: ${value}\r\n`
  }
  return `${head}content-length: ${length}\r\n\r\n`
}

function keyOf(tls: OtlpTarget['tls']): string {
  return `${tls.caFile} ${tls.clientCertFile} ${tls.clientKeyFile}`
}

function readAuthorization(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {}
  try {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  } catch (error) {
    swallow('endpoint credentials', error)
    return {}
  }
}

/** The value is a secret; in a damaged list the name may be a part of it. */
function illegalHeader(): Error {
  const says = 'one of OTEL_EXPORTER_OTLP_HEADERS has characters that no header may have'
  return Object.assign(new Error(says), { code: 'ERR_INVALID_CHAR' })
}

function describeError(error: unknown): { error: string; says: string } {
  const { code, says = String(error) } = describeFailure(error)
  return {
    error: code ?? 'error',
    says: code === undefined || says.includes(code) ? says : `${code} ${says}`,
  }
}
