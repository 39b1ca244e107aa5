// Where the spans of our own libraries are meant to differ from upstream's, each with its reason; reviewed by hand, rendered
// into docs/libraries.md. A difference that no row explains fails the differential test; so does a row that explains nothing.
import type { Difference } from './compare.ts'

export interface IntendedDifference {
  id: string
  library: string
  where: string
  upstream: string
  ours: string
  why: string
  matches(difference: Difference): boolean
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const get = (span: unknown, key: string): unknown => (span as Record<string, unknown> | undefined)?.[key]
const isOnlyOurs = (d: Difference): boolean => d.field === 'span' && d.upstream === undefined
const isOnlyUpstreams = (d: Difference): boolean => d.field === 'span' && d.ours === undefined
const isPg = (d: Difference): boolean => d.program.startsWith('pg-')
const isMysql = (d: Difference): boolean => d.program.startsWith('mysql')
const isExpress = (d: Difference): boolean => d.program.startsWith('express')
/** Route and name go together. */
const isRoute = (d: Difference, routes: readonly string[]): boolean =>
  isExpress(d) &&
  ((d.field === 'http.route' && routes.includes(text(d.ours))) ||
    (d.field === 'name' && routes.includes(text(d.ours).replace(/^[A-Z]+ /, ''))))

export const intendedDifferences: readonly IntendedDifference[] = [
  {
    id: 'express-route-of-other-spelling',
    library: 'express',
    where: '`http.route` when the URL is not spelled like the route',
    upstream: 'none for `/?q=1`, for another case (`/users` and the route `/Users`) or an optional character',
    ours: 'the route that answered',
    why: 'Upstream keeps a route without parameters only when the URL starts with it; express has already decided.',
    matches: d => isRoute(d, ['/', '/Case/Sensitive']),
  },
  {
    id: 'express-answered-and-passed',
    library: 'express',
    where: '`http.route` when a handler answers and then calls `next()`',
    upstream: 'that of the last layer, mostly none',
    ours: 'the route that answered',
    why: 'What runs after the answer did not give it.',
    matches: d => isRoute(d, ['/answers-and-passes']),
  },
  {
    id: 'express-later-responder',
    library: 'express',
    where: '`http.route` when a route calls `next()` and a later layer answers',
    upstream: 'none',
    ours: 'that of the last route that ran, other than one for everything',
    why: 'It prepared the answer; the layer that sends everything says nothing.',
    matches: d => isRoute(d, ['/prepared/:id']),
  },
  {
    id: 'express-recovered',
    library: 'express',
    where: '`http.route` after an error handler went on with `next()`',
    upstream: 'none, or with the path of the route that failed in it',
    ours: 'the route that answered',
    why: 'Upstream does not take the failed route off its stack.',
    matches: d => isRoute(d, ['/inner/recovers', '/inner/:thing']),
  },
  {
    id: 'express-catch-all',
    library: 'express',
    where: '`http.route` of routes for everything',
    upstream: '`/`',
    ours: 'the template: `/*`, `/{*path}`',
    why: 'A single-page application or a proxy is not the home page.',
    matches: d => isExpress(d) && d.program.endsWith('catch-all') && ['http.route', 'name'].includes(d.field),
  },
  {
    id: 'pg-literals',
    library: 'pg',
    where: '`db.query.text`',
    upstream: 'as it was written',
    ours: '`?` for every literal; as it was written with `keepLiterals` or `enhancedDatabaseReporting`',
    why: 'Statements put together from text carry e-mail addresses and tokens.',
    matches: d => isPg(d) && d.field === 'db.query.text' && text(d.ours).includes('?'),
  },
  {
    id: 'pg-data-in-messages',
    library: 'pg',
    where: 'status message of data exceptions (SQLSTATE class 22)',
    upstream: 'the message of the server, which quotes the value',
    ours: 'type and code of the error',
    why: 'The exception event has no message for the same reason, upstream as well.',
    matches: d => isPg(d) && d.field === 'status' && text(get(d.ours, 'message')).includes('(code: 22'),
  },
  {
    id: 'pg-error-type',
    library: 'pg',
    where: 'failed queries and connections',
    upstream: 'the code is in the text of the exception',
    ours: '`error.type` and, for an answer of the server, `db.response.status_code` besides',
    why: 'The semantic conventions ask for both.',
    matches: d =>
      isPg(d) && ['error.type', 'db.response.status_code'].includes(d.field) && d.upstream === undefined,
  },
  {
    id: 'pg-connect-at-once',
    library: 'pg',
    where: '`pg-pool.connect` when a connection is idle',
    upstream: 'a span',
    ours: 'no span; `connectSpans: true` for all of them',
    why: 'It says that nothing was waited for. A connection that has to be opened or waited for has its span.',
    matches: d => isPg(d) && isOnlyUpstreams(d) && get(d.upstream, 'name') === 'pg-pool.connect',
  },
  {
    id: 'pg-cursors',
    library: 'pg',
    where: 'cursors, streams and query objects with events',
    upstream: 'a span that never ends, so none',
    ours: 'a span until the last row or the failure',
    why: 'Upstream waits for a callback that there is not.',
    matches: d => d.program === 'pg-streams' && isOnlyOurs(d) && get(d.ours, 'kind') === 2,
  },
  {
    id: 'pg-nothing-asked',
    library: 'pg',
    where: '`client.query(null)`',
    upstream: 'a failed span `pg.query`',
    ours: 'no span',
    why: 'Nothing was asked; the exception is the caller’s.',
    matches: d => isPg(d) && isOnlyUpstreams(d) && get(d.upstream, 'name') === 'pg.query',
  },
  {
    id: 'pg-operation',
    library: 'pg',
    where: 'name of the span of a statement that starts with a comment or breaks its first line',
    upstream: 'up to the first blank: `pg.query:-- shop`, or the text up to it with its line breaks',
    ours: 'the first word: `pg.query:SELECT shop`',
    why: 'The names of spans are few.',
    matches: d =>
      d.program === 'pg-queries' && d.span.startsWith('lines and comments > ') && d.field === 'span',
  },
  {
    id: 'ioredis-sent-twice',
    library: 'ioredis',
    where: 'a command that waits for the connection',
    upstream: 'two spans: when it is queued and when it is sent',
    ours: 'one span from the call to the answer',
    why: 'It is one command.',
    matches: d => d.program.startsWith('ioredis') && d.span === 'lazy > get #2' && isOnlyUpstreams(d),
  },
  {
    id: 'ioredis-connect',
    library: 'ioredis',
    where: '`connect`',
    upstream: 'a span that ends at once and never fails',
    ours: 'a span until the connection is ready, with its failure',
    why: 'A connection that was refused is what one looks for.',
    matches: d => d.program.startsWith('ioredis') && d.span === 'refused > connect' && d.field !== 'span',
  },
  {
    id: 'ioredis-set-up',
    library: 'ioredis',
    where: 'what the client itself sends while it connects (`info`, `hello`, `client`, `select`)',
    upstream: 'spans in the trace of the request that opened the connection',
    ours: 'none; with `requireParentSpan: false` a trace of their own',
    why: 'A connection serves everybody. `connect` tells how long it took.',
    matches: d =>
      d.program.startsWith('ioredis') &&
      /(?:^|> )(?:info|hello|client|select|auth)\b/.test(d.span) &&
      isOnlyUpstreams(d),
  },
  {
    id: 'ioredis-arguments',
    library: 'ioredis',
    where: '`db.query.text`: which arguments are shown',
    upstream:
      'by the beginning of the name: keys of `hgetall` are hidden, scripts and payloads of `eval` are shown',
    ours: 'by the command: keys, fields and subcommands; never a script or a value',
    why: 'Payloads of jobs and members of sets are data.',
    matches: d => d.program.startsWith('ioredis') && d.field === 'db.query.text',
  },
  {
    id: 'ioredis-error-type',
    library: 'ioredis',
    where: 'failed commands and connections',
    upstream: 'the code is in the message',
    ours: '`error.type` and, for an answer of the server, `db.response.status_code` besides',
    why: 'The semantic conventions ask for both.',
    matches: d =>
      d.program.startsWith('ioredis') &&
      ['error.type', 'db.response.status_code'].includes(d.field) &&
      d.upstream === undefined,
  },
  {
    id: 'mysql-literals',
    library: 'mysql',
    where: 'mysql and mysql2: `db.query.text`',
    upstream: 'as it was written, with mysql2 the values put in',
    ours: '`?` for every literal; as it was written with `keepLiterals`',
    why: 'Statements put together from text carry e-mail addresses and tokens.',
    matches: d => isMysql(d) && d.field === 'db.query.text' && text(d.ours).includes('?'),
  },
  {
    id: 'mysql-data-in-messages',
    library: 'mysql',
    where: 'mysql and mysql2: status message of a failed statement',
    upstream: 'the message of the server, which quotes values and parts of the statement',
    ours: '`?` for what is quoted, unless it is the name of a table, a column or the like',
    why: "`Duplicate entry 'a@b.example' for key 'mail'` is somebody's address.",
    matches: d => isMysql(d) && d.field === 'status' && text(get(d.ours, 'message')).includes('?'),
  },
  {
    id: 'mysql-error-type',
    library: 'mysql',
    where: 'mysql and mysql2: failed queries',
    upstream: 'a message alone',
    ours: '`error.type` and, for an answer of the server, `db.response.status_code` besides',
    why: 'The semantic conventions ask for both.',
    matches: d =>
      isMysql(d) && ['error.type', 'db.response.status_code'].includes(d.field) && d.upstream === undefined,
  },
  {
    id: 'mysql-pool-query',
    library: 'mysql',
    where: 'mysql: a query of a pool',
    upstream: 'two spans, one in the other',
    ours: 'one span',
    why: 'It is one query.',
    matches: d => d.program === 'mysql-queries' && isOnlyUpstreams(d) && d.span === 'pool > SELECT > SELECT',
  },
  {
    id: 'mysql2-context',
    library: 'mysql2',
    where: 'callbacks, listeners, and queries that waited for a connection',
    upstream: 'in the context of the request that opened or released the connection, or of none',
    ours: 'in the context of the one who asked',
    why: 'A busy pool would put a query into the trace of another request.',
    matches: d =>
      d.program.startsWith('mysql2') &&
      d.field === 'span' &&
      (/mark (?:in callback|at the end)/.test(d.span) ||
        /^(?:query > SELECT #2|crowd b > SELECT)$/.test(d.span)),
  },
  {
    id: 'mysql2-without-callback',
    library: 'mysql2',
    where: 'queries with values and without a callback, and prepared statements',
    upstream: 'a span that never ends, or none',
    ours: 'a span until the last row or the failure',
    why: 'A stream of rows is a query as well.',
    matches: d =>
      d.program === 'mysql2-queries' &&
      isOnlyOurs(d) &&
      /^(?:events with values|prepared) > SELECT$/.test(d.span),
  },
]

/** The table of docs/libraries.md. */
export function renderDifferences(): string {
  const rows = intendedDifferences.map(
    ({ library, where, upstream, ours, why }) => `| ${library} | ${where} | ${upstream} | ${ours} | ${why} |`,
  )
  return ['| library | where | upstream | here | why |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  )
}
