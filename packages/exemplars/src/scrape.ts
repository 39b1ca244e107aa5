// Which request is a scrape that asks for OpenMetrics, told by Node's own diagnostics channels. Nothing is patched
// but the response object of such a request.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { diag } from '@opentelemetry/api'
import { prefersOpenMetrics } from './accept.ts'
import { readHeader, withoutHeaders } from './header-list.ts'
import { openMetricsType } from './open-metrics.ts'
import { PageBody } from './page-body.ts'
import { shared, swallow } from './shared.ts'

/** A request that prefers OpenMetrics, as the asynchronous context of its handler carries it. */
export class Scrape {
  private readonly body: PageBody
  private readonly response: { readonly headersSent: boolean }

  constructor(response: { readonly headersSent: boolean }, body: PageBody) {
    this.response = response
    this.body = body
  }

  /** False once the answer has begun in another format. */
  accepts(): boolean {
    return this.body.isPage || !this.response.headersSent
  }

  /** A page was rendered: the response will say OpenMetrics and end with one `# EOF`. False: too late. */
  commit(): boolean {
    if (!this.accepts()) return false
    this.body.renders++
    return true
  }
}

const channels: readonly (readonly [string, (message: any) => void])[] = [
  [
    'http.server.request.start',
    ({ request, response }) => enter(request.method, request.url, request.headers, response, guardResponse),
  ],
  // Node 22 and later; there the handler of either HTTP/2 API runs in the context set here.
  [
    'http2.server.stream.created',
    ({ stream, headers }) => enter(headers[':method'], headers[':path'], headers, stream, guardStream),
  ],
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

// Paths whose pages are joined and compressed out of our sight: after the first scrape they are served as without us.
const plainPaths = new Set<string>()
const maxPlainPaths = 100

function checkReadable(body: PageBody, url: unknown): void {
  if (url === undefined || !body.isUnreadable || plainPaths.size >= maxPlainPaths) return
  const path = pathOf(url)
  if (plainPaths.has(path)) return
  plainPaths.add(path)
  diag.warn(
    `exemplars: ${path} joins the pages of several registries and compresses them itself; it has no exemplars from now on. Registry.merge makes one page of them`,
  )
}

function pathOf(url: unknown): string {
  return String(url).split('?', 1)[0]!
}

function enter(
  method: string,
  url: unknown,
  headers: any,
  response: any,
  guard: (response: any, body: PageBody, url: unknown) => void,
): void {
  try {
    const asks =
      (method === 'GET' || method === 'HEAD') &&
      prefersOpenMetrics(headers.accept) &&
      (plainPaths.size === 0 || !plainPaths.has(pathOf(url)))
    if (!asks || !shared.options.enabled) {
      // Node 20 and 22 keep the context on the connection: the next request on it clears what the last one set.
      if (shared.scrapes.getStore() !== undefined) shared.scrapes.enterWith(undefined)
      return
    }
    const body = new PageBody()
    // The answer to HEAD may come without the page that was rendered for it.
    guard(response, body, method === 'HEAD' ? undefined : url)
    shared.scrapes.enterWith(new Scrape(response, body))
  } catch (error) {
    swallow('scrape', error)
  }
}

function guardResponse(response: any, body: PageBody, url: unknown): void {
  // The innermost writeHead: middleware that looks at the type (compression) still sees the application's own.
  const { writeHead } = response
  response.writeHead = function (status: number, ...rest: unknown[]) {
    const isNamed = typeof rest[0] === 'string'
    const given = isNamed ? rest[1] : (rest[0] ?? rest[1])
    const type = readHeader(given, 'content-type') ?? this.getHeader('content-type')
    if (this.headersSent || !body.decide(status, type)) return writeHead.call(this, status, ...rest)
    this.setHeader('Content-Type', openMetricsType)
    if (given === undefined || given === null) return writeHead.call(this, status, ...rest)
    // The application added up the lengths of several pages, each with an end of its own.
    const dropped = body.renders > 1 ? ['content-type', 'content-length'] : ['content-type']
    const kept = withoutHeaders(given, dropped)
    return isNamed ? writeHead.call(this, status, rest[0], kept) : writeHead.call(this, status, kept)
  }
  const decide = () => body.decide(response.statusCode, response.getHeader('content-type'))
  layer(response, 'write', (write, [chunk, ...rest]) => {
    decide()
    const passed = body.pass(chunk)
    if (passed !== chunk && !response.headersSent && body.renders > 1) response.removeHeader('content-length')
    return write(passed, ...rest)
  })
  layer(response, 'end', (end, args) => {
    decide()
    const [chunk, rest] = splitEnd(args)
    const last = body.finish(chunk)
    checkReadable(body, url)
    if (last === chunk) return end(...args)
    if (!response.headersSent && response.hasHeader('content-length')) {
      response.setHeader('content-length', Buffer.byteLength(last as string))
    }
    return end(last, ...rest)
  })
}

function guardStream(stream: any, body: PageBody, url: unknown): void {
  const { respond } = stream
  stream.respond = function (headers: any, ...rest: unknown[]) {
    const status = Number(readHeader(headers, ':status') ?? 200)
    if (!body.decide(status, readHeader(headers, 'content-type'))) return respond.call(this, headers, ...rest)
    const kept = withoutHeaders(
      headers ?? {},
      body.renders > 1 ? ['content-type', 'content-length'] : ['content-type'],
    )
    if (Array.isArray(kept)) kept.push('content-type', openMetricsType)
    else kept['content-type'] = openMetricsType
    return respond.call(this, kept, ...rest)
  }
  layer(stream, 'write', (write, [chunk, ...rest]) => write(body.pass(chunk), ...rest))
  layer(stream, 'end', (end, args) => {
    const [chunk, rest] = splitEnd(args)
    const last = body.finish(chunk)
    checkReadable(body, url)
    return last === chunk ? end(...args) : end(last, ...rest)
  })
}

// `end(chunk?, encoding?, callback?)`, any of them left out.
function splitEnd([chunk, ...rest]: unknown[]): [chunk: unknown, rest: unknown[]] {
  if (typeof chunk === 'function') return [undefined, ['utf8', chunk]]
  return chunk === undefined || chunk === null ? [undefined, rest] : [chunk, rest]
}

/**
 * Puts `step` around a method, and around every replacement of it: middleware that wraps the method later gets its
 * input from `step` too. A plain replacement would come too late for `response.end(await registry.metrics())`, which
 * reads `response.end` before it renders, and too early to see text in front of a compressing wrapper.
 */
function layer(
  object: any,
  name: string,
  step: (next: (...args: any[]) => any, args: unknown[]) => any,
): void {
  let current = object[name]
  const wrap = (next: any) =>
    function (this: any, ...args: unknown[]) {
      return step((...passed) => next.apply(this, passed), args)
    }
  let wrapped = wrap(current)
  Object.defineProperty(object, name, {
    configurable: true,
    enumerable: true,
    get: () => wrapped,
    set(replacement: any) {
      current = replacement
      wrapped = wrap(current)
    },
  })
}
