// Where our spans are meant to differ from upstream's, each with its reason; reviewed by hand, rendered into docs/http.md.
// A difference that no row explains fails the differential test, and so does a row that explains nothing.
import type { Difference } from './compare.ts'

export interface IntendedDifference {
  id: string
  where: string
  upstream: string
  ours: string
  why: string
  matches(difference: Difference): boolean
}

const isOnlyOurs = (d: Difference): boolean => d.field === 'span' && d.upstream === undefined
const isOnlyUpstreams = (d: Difference): boolean => d.field === 'span' && d.ours === undefined
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const get = (span: unknown, key: string): unknown => (span as Record<string, unknown> | undefined)?.[key]
const errorCode = /^[A-Z][A-Z_]+$/
const queryOf = (value: unknown): string => text(value).replace(/^[^?]*\?/, '')

export const intendedDifferences: readonly IntendedDifference[] = [
  {
    id: 'http2',
    where: 'HTTP/2 server',
    upstream: 'no span, no metric',
    ours: 'a SERVER span per stream, for the stream and the compatibility API and for HTTP/1 on the same port',
    why: 'A request is a request. gRPC streams are left to the gRPC instrumentation.',
    matches: d => d.program === 'http2' && d.span.endsWith('(server)') && isOnlyOurs(d),
  },
  {
    id: 'upgrade-server',
    where: 'upgrade and CONNECT, server',
    upstream: 'no span',
    ours: 'a SERVER span for the handshake, with the status the listener answered; it is active in the listener',
    why: 'Refused WebSockets and slow handshakes are otherwise invisible. The life of the connection is not the span.',
    matches: d => d.program === 'upgrade' && d.span.endsWith('(server)') && isOnlyOurs(d),
  },
  {
    id: 'upgrade-client',
    where: 'upgrade and CONNECT, client',
    upstream: 'a span without an answer',
    ours: 'status code, peer and protocol version of the answer',
    why: 'The answer is there, in the `upgrade` or `connect` event.',
    matches: d =>
      d.program === 'upgrade' &&
      d.span.endsWith('(client)') &&
      [
        'http.response.status_code',
        'network.peer.address',
        'network.peer.port',
        'network.protocol.version',
      ].includes(d.field) &&
      d.upstream === undefined,
  },
  {
    id: 'answered-by-node',
    where: 'requests that never reach a `request` listener',
    upstream:
      'no span for `checkContinue` and `checkExpectation` listeners, a missing Host, an unknown expectation, too many requests on a connection',
    ours: 'a SERVER span with the status that was sent',
    why: 'They are answered requests like others: a 400, 417 or 503 that nobody sees is hard to find.',
    matches: d =>
      isOnlyOurs(d) &&
      (/^\/expect\/(checked|unknown|tea|dropped) \(server\)$/.test(d.span) ||
        d.span === '/host/none (server)'),
  },
  {
    id: 'query-as-sent',
    where: '`url.query`, `url.full`',
    upstream: 'decoded and encoded again (`?x` becomes `x=`, `%20` becomes `+`)',
    ours: 'as it was sent',
    why: 'The semantic conventions ask for the query as it is; parsing it costs more than the rest of the span.',
    matches: d =>
      (d.field === 'url.query' || d.field === 'url.full') &&
      !text(d.ours).includes('REDACTED') &&
      new URLSearchParams(queryOf(d.upstream)).toString() === new URLSearchParams(queryOf(d.ours)).toString(),
  },
  {
    id: 'path-as-sent',
    where: '`url.path` of odd targets',
    upstream: 'what the URL parser makes of it: `/a/../b` is `/b`, `//x/y` is `/y`, `*` is `/*`',
    ours: 'as it was sent; absolute targets without scheme and host',
    why: 'What a server was asked for is what it should show, above all when somebody tries out traversals.',
    matches: d =>
      (d.program === 'queries' &&
        d.field === 'span' &&
        [
          '/q/b (server)',
          '/q/a/../b (server)',
          '/protocol-relative (server)',
          '//q/protocol-relative (server)',
        ].includes(d.span)) ||
      (d.field === 'url.path' && d.upstream === '/*' && d.ours === '*'),
  },
  {
    id: 'url-of-authority-targets',
    where: '`url.full` of `OPTIONS *` and CONNECT, client',
    upstream: 'host and target run into each other (`http://proxy:8080far.example:443`)',
    ours: 'a URL: `http://proxy:8080/far.example:443`',
    why: 'Upstream joins strings without a slash.',
    matches: d =>
      (['* (client)', '/* (client)', '/far.example:443 (client)', ' (client)'].includes(d.span) &&
        d.field === 'span') ||
      (d.span === '* (server)' && d.field === 'parent'),
  },
  {
    id: 'redaction',
    where: '`url.query`, `url.full`',
    upstream: 'seven cloud-signature keys in http, nothing in fetch',
    ours: 'every key that names a secret, in the server, the client and fetch, whatever its spelling or encoding',
    why: 'Access tokens, reset codes and passwords in queries are the most common secret in traces.',
    matches: d =>
      (d.program === 'secrets' || d.program === 'proxied') &&
      (d.field === 'url.query' || d.field === 'url.full') &&
      text(d.upstream).includes('s3cret') &&
      !text(d.ours).includes('s3cret'),
  },
  {
    id: 'unknown-method-name',
    where: 'span name of an unknown method',
    upstream: 'the method as it came (`PURGE`), but `HTTP` in fetch',
    ours: '`HTTP`, as `{method}` of `_OTHER`; the method itself is `http.request.method_original`',
    why: 'The semantic conventions say so, and a caller cannot grow the list of span names.',
    matches: d =>
      d.field === 'name' && /^HTTP\b/.test(text(d.ours)) && /^(PROPFIND|PURGE)\b/.test(text(d.upstream)),
  },
  {
    id: 'method-case',
    where: '`http.request.method_original`, client',
    upstream: 'set when the option was written in lower case',
    ours: 'only for methods that are not known ones',
    why: 'Node sends `POST` for `post`: nothing else was ever on the wire.',
    matches: d => d.field === 'http.request.method_original' && d.upstream === 'post' && d.ours === undefined,
  },
  {
    id: 'not-answered',
    where: 'the connection is gone before anything was answered, server',
    upstream: '`http.response.status_code` 200, which nobody sent',
    ours: 'no status code; `error.type` is `aborted`, the status of the span stays unset',
    why: 'A client that went away after 30 seconds is not a success, and not the failure of the server either.',
    matches: d =>
      d.span.endsWith('(server)') &&
      ((d.field === 'http.response.status_code' && d.upstream === 200 && d.ours === undefined) ||
        (d.field === 'error.type' && d.ours === 'aborted')),
  },
  {
    id: 'error-code',
    where: '`error.type` of a request that failed; `exception.type` of a timeout',
    upstream: 'the name of the error, `Error`; in fetch its code, which is `23` for a timeout',
    ours: 'the code (`ECONNREFUSED`), or the name where the code is a number (`TimeoutError`)',
    why: 'It is what one groups by: every system error of Node has the name `Error`.',
    matches: d =>
      (d.field === 'error.type' &&
        ((/^(Abort)?Error$/.test(text(d.upstream)) && errorCode.test(text(d.ours))) ||
          (d.upstream === 23 && d.ours === 'TimeoutError'))) ||
      (d.field === 'events' &&
        JSON.stringify(d.upstream).replace('"exception.type":"23"', '"exception.type":"TimeoutError"') ===
          JSON.stringify(d.ours)),
  },
  {
    id: 'cancelled',
    where: 'a request that its own caller cancelled, client',
    upstream:
      'in http a failed span with the error that Node makes of it; in fetch unset for an `AbortError`, failed for any other reason',
    ours: 'no `error.type`, the status of the span stays unset, `org.otel.http.cancelled` is true',
    why: 'Nobody wanted the answer any more: that is not the failure of anybody.',
    matches: d =>
      d.span.endsWith('(client)') &&
      (d.field === 'org.otel.http.cancelled' ||
        (/^\/error\/(destroyed|signal) /.test(d.span) &&
          ((d.field === 'status' && get(d.ours, 'code') === 0) ||
            (d.field === 'events' && JSON.stringify(d.ours) === '[]') ||
            (d.field === 'error.type' && d.ours === undefined)))),
  },
  {
    id: 'lost-in-the-body',
    where: 'the connection is lost in the body of the response, client',
    upstream: 'a span without an error',
    ours: 'status ERROR, `error.type` `ECONNRESET` and the exception, whether or not anybody listens for errors',
    why: 'Half an answer is a failure.',
    matches: d =>
      d.span === '/abort/server-mid (client)' && ['status', 'events', 'error.type'].includes(d.field),
  },
  {
    id: 'fetch-query-and-method',
    where: '`url.query`, `http.request.method_original` of fetch and undici',
    upstream: 'always there: an empty query, one with its question mark, the method once more',
    ours: 'a query without the question mark when there is one, the original method when it is not a known one',
    why: 'The semantic conventions say so, and it is what the HTTP spans of both have everywhere else.',
    matches: d =>
      (d.field === 'url.query' && d.upstream === '' && d.ours === undefined) ||
      (d.field === 'url.query' && d.upstream === `?${text(d.ours)}`) ||
      (d.field === 'http.request.method_original' &&
        /^[A-Z]+$/.test(text(d.upstream)) &&
        d.ours === undefined),
  },
  {
    id: 'ipv6-client',
    where: '`server.address`, `url.full` of IPv6 literals, client',
    upstream: '`localhost`, and URLs without brackets and port (`http://::1/x`)',
    ours: '`::1` and `http://[::1]:8080/x`',
    why: 'Upstream reads the options with an expression that stops at the first colon.',
    matches: d => d.program === 'ipv6' && (d.field === 'server.address' || d.field === 'url.full'),
  },
  {
    id: 'malformed-host',
    where: 'requests with a malformed Host',
    upstream: 'no `url.path`; `server.port` 0 or NaN',
    ours: '`url.path`; no `server.port` when there is none',
    why: 'The path does not depend on the Host header.',
    matches: d =>
      d.program === 'hosts' &&
      ((isOnlyUpstreams(d) && get(d.upstream, 'url.path') === undefined) ||
        (isOnlyOurs(d) && /^\/host\/(%3A%3A1|a\.example%3Aport|%3A81|a%20b|%25) /.test(d.span)) ||
        (d.field === 'server.port' && d.upstream === 0 && d.ours === undefined)),
  },
  {
    id: 'proxied-url',
    where: '`url.full` of a request through a plain HTTP proxy',
    upstream: 'the proxy and the target run into each other (`http://proxy:3128http://far.example/x`)',
    ours: '`http://far.example/x`; `server.address` and `server.port` are the proxy’s in both',
    why: 'A target in absolute form is the URL.',
    matches: d =>
      d.program === 'proxied' &&
      (/^(\/\/far\.example)?\/proxied\/plain \(client\)$/.test(d.span) || d.field === 'parent'),
  },
  {
    id: 'constructor',
    where: '`new http.ClientRequest(...)`',
    upstream: 'no span, no trace headers',
    ours: 'as `http.request`',
    why: 'Upstream replaces the functions `request` and `get`; here no function is replaced.',
    matches: d => d.program === 'agents' && d.span.startsWith('/agents/constructor '),
  },
  {
    id: 'request-that-never-was',
    where: '`http.request` that throws because of its arguments',
    upstream: 'a failed CLIENT span to `localhost`',
    ours: 'no span',
    why: 'Nothing was requested; the exception is the caller’s.',
    matches: d =>
      d.program === 'client-errors' &&
      isOnlyUpstreams(d) &&
      get(d.upstream, 'server.address') === 'localhost',
  },
]

/** The attributes of a series of ours as upstream has them: rows `not-answered`, `error-code` and `lost-in-the-body`. */
export function toUpstreamSeries(
  scope: string,
  attributes: Record<string, unknown>,
): Record<string, unknown> {
  const { 'error.type': errorType, ...others } = attributes
  if (errorType === 'aborted') return { ...others, 'http.response.status_code': 200 }
  if (errorType === 'ECONNRESET' && others['http.response.status_code'] !== undefined) return others
  if (errorType === 'TimeoutError') return { ...others, 'error.type': 23 }
  const isName = scope.endsWith('-http') && errorCode.test(text(errorType))
  return isName ? { ...others, 'error.type': 'Error' } : attributes
}

/** The table of docs/http.md. */
export function renderDifferences(): string {
  const rows = intendedDifferences.map(
    ({ where, upstream, ours, why }) => `| ${where} | ${upstream} | ${ours} | ${why} |`,
  )
  return ['| where | upstream | here | why |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
