// Which request is a scrape that asks for OpenMetrics, told by Node's own diagnostics channels: nothing is patched
// until such a request comes, and then only its response object.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { prefersOpenMetrics } from './accept.ts'
import { endOfPage, openMetricsType } from './open-metrics.ts'
import { shared, swallow } from './shared.ts'

/** A request that prefers OpenMetrics, as the asynchronous context of its handler carries it. */
export interface Scrape {
  /** False once the answer has begun in another format. */
  accepts(): boolean
  /** Promises that this response says OpenMetrics and ends with one `# EOF`. False: too late. */
  guard(): boolean
}

const channels: readonly (readonly [string, (message: any) => void])[] = [
  ['http.server.request.start', message => enter(message.request, message.response)],
  // Node 22 and later; there the handler of either HTTP/2 API runs in the context set here.
  ['http2.server.stream.created', message => enterStream(message.stream, message.headers)],
]

export function watchScrapes(): void {
  if (shared.watching) return
  shared.watching = true
  for (const [name, listener] of channels) subscribe(name, listener)
}

export function unwatchScrapes(): void {
  if (!shared.watching) return
  shared.watching = false
  for (const [name, listener] of channels) unsubscribe(name, listener)
}

function enter(request: any, response: any): void {
  try {
    const asks = isRead(request.method) && prefersOpenMetrics(request.headers.accept)
    setScrape(asks ? new HttpScrape(response) : undefined)
  } catch (error) {
    swallow('scrape', error)
  }
}

function enterStream(stream: any, headers: any): void {
  try {
    const asks = isRead(headers[':method']) && prefersOpenMetrics(headers.accept)
    setScrape(asks ? new Http2Scrape(stream) : undefined)
  } catch (error) {
    swallow('scrape', error)
  }
}

// Node 20 and 22 keep the context on the connection, so the next request on it must clear what the last one set.
function setScrape(scrape: Scrape | undefined): void {
  if (scrape !== undefined || shared.scrapes.getStore() !== undefined)
    shared.scrapes.enterWith(scrape as Scrape)
}

function isRead(method: unknown): boolean {
  return method === 'GET' || method === 'HEAD'
}

class HttpScrape implements Scrape {
  private readonly response: any
  private readonly body = new PageBody()

  constructor(response: any) {
    this.response = response
  }

  accepts(): boolean {
    return this.body.isPage || !this.response.headersSent
  }

  guard(): boolean {
    if (!this.accepts()) return false
    if (this.body.renders++ === 0) this.attach()
    return true
  }

  // Attached by the first render, so after every middleware that wrapped the response: what passes here is text,
  // and what compresses it comes behind.
  private attach(): void {
    const { body, response } = this
    const { writeHead, write, end } = response
    const settle = (status: number, type: unknown) => {
      if (!body.decide(status, type)) return
      response.setHeader('Content-Type', openMetricsType)
    }
    response.writeHead = function (status: number, reason?: unknown, headers?: unknown) {
      if (!this.headersSent) {
        const given = typeof reason === 'string' ? headers : (reason ?? headers)
        settle(status, readHeader(given, 'content-type') ?? this.getHeader('content-type'))
        if (body.isPage) {
          if (body.renders > 1 && !body.lengthIsRight) this.removeHeader('content-length')
          const dropped = body.renders > 1 ? ['content-type', 'content-length'] : ['content-type']
          const kept = given && withoutHeaders(given, dropped)
          const args = typeof reason === 'string' ? [status, reason, kept] : [status, kept]
          return writeHead.apply(this, kept === undefined ? args.slice(0, -1) : args)
        }
      }
      return writeHead.apply(this, arguments)
    }
    response.write = function (chunk: unknown, ...rest: unknown[]) {
      if (!this.headersSent) settle(this.statusCode, this.getHeader('content-type'))
      return write.call(this, body.pass(chunk), ...rest)
    }
    response.end = function (chunk?: unknown, ...rest: unknown[]) {
      const hasChunk = chunk !== undefined && chunk !== null && typeof chunk !== 'function'
      if (!this.headersSent) settle(this.statusCode, this.getHeader('content-type'))
      if (!body.isPage) return end.call(this, chunk, ...rest)
      const last = body.finish(hasChunk ? chunk : undefined)
      if (last === undefined) return end.call(this, chunk, ...rest)
      if (last !== chunk && !this.headersSent && this.hasHeader('content-length')) {
        this.setHeader('content-length', Buffer.byteLength(last as string))
        body.lengthIsRight = true
      }
      return hasChunk ? end.call(this, last, ...rest) : end.call(this, last, 'utf8', chunk)
    }
  }
}

class Http2Scrape implements Scrape {
  private readonly stream: any
  private readonly body = new PageBody()

  constructor(stream: any) {
    this.stream = stream
  }

  accepts(): boolean {
    return this.body.isPage || !this.stream.headersSent
  }

  guard(): boolean {
    if (!this.accepts()) return false
    if (this.body.renders++ === 0) this.attach()
    return true
  }

  private attach(): void {
    const { body, stream } = this
    const { respond, write, end } = stream
    stream.respond = function (headers: any, ...rest: unknown[]) {
      const status = Number(readHeader(headers, ':status') ?? 200)
      if (!body.decide(status, readHeader(headers, 'content-type')))
        return respond.call(this, headers, ...rest)
      const dropped = body.renders > 1 ? ['content-type', 'content-length'] : ['content-type']
      const kept = withoutHeaders(headers ?? {}, dropped)
      // A null prototype is how Node's compatibility layer marks headers it has validated.
      if (!Array.isArray(kept)) kept['content-type'] = openMetricsType
      else kept.push('content-type', openMetricsType)
      return respond.call(this, kept, ...rest)
    }
    stream.write = function (chunk: unknown, ...rest: unknown[]) {
      return write.call(this, body.pass(chunk), ...rest)
    }
    stream.end = function (chunk?: unknown, ...rest: unknown[]) {
      const hasChunk = chunk !== undefined && chunk !== null && typeof chunk !== 'function'
      const last = body.isPage ? body.finish(hasChunk ? chunk : undefined) : undefined
      if (last === undefined) return end.call(this, chunk, ...rest)
      return hasChunk ? end.call(this, last, ...rest) : end.call(this, last, 'utf8', chunk)
    }
  }
}

/** The body of one guarded response: every `# EOF` but the last is taken out, wherever the application put it. */
export class PageBody {
  renders = 0
  isPage = false
  lengthIsRight = false
  private isDecided = false
  private heldEnd = false

  /** Only a success with a textual (or no) type is the page; JSON around our text is the application's business. */
  decide(status: number, type: unknown): boolean {
    if (!this.isDecided) {
      this.isDecided = true
      const isText = type === undefined || /^(?:text\/|application\/openmetrics-text)/i.test(String(type))
      this.isPage = status >= 200 && status < 300 && isText
    }
    return this.isPage
  }

  /** A chunk that is not the last: its `# EOF` is held back until the end. */
  pass(chunk: unknown): unknown {
    if (!this.isPage) return chunk
    const text = readPage(chunk)
    if (text === undefined) return chunk
    this.heldEnd = true
    return withoutEnds(text)
  }

  /** The last chunk as it has to be; undefined when nothing has to be added. */
  finish(chunk: unknown): unknown {
    const text = chunk === undefined ? undefined : readPage(chunk)
    if (text === undefined && !this.heldEnd) return undefined
    if (text === undefined) return chunk === undefined ? endOfPage : joinEnd(chunk)
    const isWhole = text.indexOf(endOfPage) === text.length - endOfPage.length
    return isWhole ? chunk : withoutEnds(text) + endOfPage
  }
}

/** The text of a chunk that contains an end mark; undefined for anything else (compressed bytes, other text). */
function readPage(chunk: unknown): string | undefined {
  if (typeof chunk === 'string') return chunk.includes(endOfPage) ? chunk : undefined
  if (!(chunk instanceof Uint8Array)) return undefined
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return bytes.includes(endOfPage) ? bytes.toString('utf8') : undefined
}

function withoutEnds(text: string): string {
  const rest = text.replace(/^# EOF\n/gm, '').replace(/\n{2,}/g, '\n')
  return rest === '' || rest.endsWith('\n') ? rest : `${rest}\n`
}

function joinEnd(chunk: unknown): unknown {
  if (typeof chunk !== 'string') return Buffer.concat([chunk as Uint8Array, Buffer.from(`\n${endOfPage}`)])
  return `${chunk.replace(/\n*$/, '\n')}${endOfPage}`
}

function readHeader(headers: unknown, name: string): unknown {
  for (const [key, value] of headerPairs(headers)) if (key.toLowerCase() === name) return value
  return undefined
}

function withoutHeaders(headers: any, names: readonly string[]): any {
  const kept = headerPairs(headers).filter(([key]) => !names.includes(key.toLowerCase()))
  if (Array.isArray(headers)) return kept.flat()
  const copy = Object.create(Object.getPrototypeOf(headers))
  for (const key of Reflect.ownKeys(headers)) {
    if (typeof key === 'symbol' || !names.includes(key.toLowerCase())) copy[key] = headers[key]
  }
  return copy
}

function headerPairs(headers: any): [string, unknown][] {
  if (headers === null || typeof headers !== 'object') return []
  if (!Array.isArray(headers)) return Object.entries(headers)
  if (Array.isArray(headers[0])) return headers as [string, unknown][]
  const pairs: [string, unknown][] = []
  for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([String(headers[i]), headers[i + 1]])
  return pairs
}
