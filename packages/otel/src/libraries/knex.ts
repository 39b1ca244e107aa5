// knex writes the queries that a driver sends. Where the driver is instrumented its span tells the query, and knex makes
// none. Where it is not (SQLite, or a driver that is switched off), knex's span is the only one: upstream's, but named by few
// words, never by a file, a function's source or a subquery.
import {
  type Context,
  context,
  isSpanContextValid,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { KnexInstrumentation as Upstream } from '@opentelemetry/instrumentation-knex'
import { redactLiterals } from '../redact/sql-text.ts'
import { messageOf } from '../self/error-text.ts'
import { guard } from '../self/guard.ts'

/** What `client.driverName` says -> the row of the catalog that instruments the driver. */
const drivers: Readonly<Record<string, string>> = {
  pg: 'pg',
  pgnative: 'pg',
  cockroachdb: 'pg',
  'pg-redshift': 'pg',
  mysql: 'mysql',
  mysql2: 'mysql2',
  mariadb: 'mariadb',
  mssql: 'tedious',
  oracledb: 'oracledb',
  'better-sqlite3': 'better-sqlite3',
}
const systems: Readonly<Record<string, string>> = {
  pg: 'postgresql',
  pgnative: 'postgresql',
  sqlite3: 'sqlite',
  'better-sqlite3': 'sqlite',
}
/** A name of a table or database that may be part of a span's name: no path, no text of a query. */
const plainName = /^[\p{L}_][\p{L}\p{N}_$.-]{0,62}$/u
const firstWord = /^[\s(]*([a-z]{2,16})\b/i
const statements = new Set(
  'alter begin call commit create delete drop explain insert merge pragma rename replace rollback select set show truncate update use vacuum with'.split(
    ' ',
  ),
)
const maxTableDepth = 4

type Query = (this: any, ...args: any[]) => Promise<unknown>

// The methods are private, but only in upstream's types.
const Base: any = Upstream

/** Options: upstream's, and `alwaysSpans`: a span around the driver's as well, of kind INTERNAL. */
export class KnexInstrumentation extends Base {
  /** Upstream's mark is a symbol of its own module: this is ours, written at the same places. */
  private readonly begun = new WeakMap<object, Context>()

  storeContext(original: (this: unknown, ...args: any[]) => object) {
    const { begun } = this
    return function build(this: unknown, ...args: any[]): object {
      const builder = original.apply(this, args)
      guard('knex builder', () => begun.set(builder, context.active()))
      return builder
    }
  }

  createQueryWrapper(version: string | undefined): (original: Query) => Query {
    const instrumentation = this
    return original =>
      function query(this: any, ...args: any[]) {
        const asked = guard('knex query', () => instrumentation.describe(this, args[0], version))
        if (asked === undefined) return original.apply(this, args)
        const { parent, told } = asked
        if (told && instrumentation.getConfig().alwaysSpans !== true)
          return context.with(parent, () => original.apply(this, args))
        if (instrumentation.getConfig().requireParentSpan && !hasSpan(parent))
          return original.apply(this, args)
        const span = instrumentation.tracer.startSpan(
          asked.name,
          { kind: told ? SpanKind.INTERNAL : SpanKind.CLIENT, attributes: asked.attributes },
          parent,
        )
        return context
          .with(trace.setSpan(parent, span), () => original.apply(this, args))
          .then(
            result => {
              span.end()
              return result
            },
            (error: unknown) => {
              guard('knex error', () => {
                const failure = withoutQuery(error, args[0]?.sql)
                span.recordException(failure as Error)
                span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(failure) })
              })
              span.end()
              throw error
            },
          )
      }
  }

  describe(runner: any, query: any, version: string | undefined) {
    const active = context.active()
    // The builder's is the caller's where promises are the library's own (knex before 0.95 and Bluebird).
    const built: Context | undefined = this.begun.get(runner.builder)
    const parent = built !== undefined && hasSpan(built) ? built : active
    const driver = String(runner.client?.driverName)
    const { isInstrumented, maxQueryLength, alwaysSpans } = this.getConfig()
    const told = drivers[driver] !== undefined && isInstrumented?.(drivers[driver]) === true
    if (told && alwaysSpans !== true) return { parent, told, name: '', attributes: {} }

    const settings = runner.client?.connectionSettings
    const url = parseUrl(settings?.connectionString)
    const database = settings?.filename ?? settings?.database ?? url?.pathname.slice(1)
    const table = readTable(runner.builder)
    const operation = readOperation(query)
    const target = [table, database].find(name => typeof name === 'string' && plainName.test(name))
    return {
      parent,
      told,
      name: target === undefined ? operation : `${operation} ${target}`,
      attributes: {
        'knex.version': version,
        'db.system.name': systems[driver] ?? driver,
        'db.collection.name': table,
        'db.operation.name': operation,
        'db.namespace': typeof database === 'string' && database !== '' ? database : undefined,
        'server.address': settings?.host ?? url?.hostname,
        'server.port': settings?.port ?? (url?.port ? Number(url.port) : undefined),
        ...(maxQueryLength && {
          'db.query.text': cut(
            redactLiterals(String(query?.sql ?? ''), systems[driver] ?? driver),
            maxQueryLength,
          ),
        }),
      },
    }
  }
}

function hasSpan(of: Context): boolean {
  const span = trace.getSpan(of)
  return span !== undefined && isSpanContextValid(span.spanContext())
}

/** knex's word for it (`select`, `first`, `insert`, `raw`), of a schema change the first word of the statement. */
function readOperation(query: any): string {
  const method = query?.method
  if (typeof method === 'string' && plainName.test(method)) return method
  const word = firstWord.exec(String(query?.sql ?? ''))?.[1]?.toLowerCase() ?? ''
  return statements.has(word) ? word : 'query'
}

/** `users` of `users` and of `{ u: 'users' }`; nothing of a function, of raw text and of a subquery. */
function readTable(builder: any): string | undefined {
  let table = builder?._single?.table
  for (let depth = 0; depth < maxTableDepth; depth++) {
    if (typeof table === 'string') return plainName.test(table) ? table : undefined
    if (typeof table !== 'object' || table === null || Array.isArray(table)) return undefined
    const values = Object.getPrototypeOf(table) === Object.prototype ? Object.values(table) : []
    table = table._single?.table ?? values[0]
  }
  return undefined
}

/**
 * knex puts the statement with its values in front of the driver's message, and messages of data exceptions (SQLSTATE class
 * 22) quote the data: `invalid input syntax for type integer: "s3cret"`.
 */
function withoutQuery(error: unknown, sql: unknown): unknown {
  if (!(error instanceof Error) || typeof sql !== 'string') return error
  const { name, code, stack, message } = error as Error & { code?: unknown }
  const at = message.startsWith(sql.slice(0, 6)) ? message.lastIndexOf(' - ') : -1
  const hasData = typeof code === 'string' && /^22...$/.test(code)
  if (at === -1 && !hasData) return error
  const short = hasData ? `data exception (code: ${code})` : message.slice(at + 3)
  return { name, code, message: short, stack: stack?.replace(message, () => short) }
}

function parseUrl(text: unknown): URL | undefined {
  return typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
}

function cut(text: string, length: number): string {
  return length > 0 && text.length > length ? `${text.slice(0, length)}..` : text
}
