// One execution of a GraphQL operation: its span, and the fields below it. A field that a list repeats is one span with a
// count, so the number of spans follows the text of the query and never the size of the answer.
import { type Context, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { messageOf } from '../self/error-text.ts'

/** What GraphQL tells a resolver, as far as it is read here. */
export interface ResolveInfo {
  readonly fieldName: string
  readonly parentType: { readonly name: string }
  readonly returnType: unknown
  readonly path: Path
  readonly operation?: { readonly operation?: string }
}

export interface Path {
  readonly prev: Path | undefined
  readonly key: string | number
}

export interface FieldOptions {
  /** Fields below this depth have no span of their own; -1 for all. */
  readonly depth: number
  /** All field spans are children of the operation's. */
  readonly flatResolveSpans?: boolean
}

/** A query may name one field a thousand times under a thousand aliases: so many have a span, the rest is counted. */
const maxFieldSpans = 128
/** Errors on the operation's span that no field's span has. */
const maxErrors = 8

export class Field {
  readonly above: Field | undefined
  readonly fields = new Map<string, Field>()
  readonly depth: number
  readonly inList: boolean
  /** Absent: its resolvers are trivial, too deep, or too many. */
  span: Span | undefined
  /** The context its resolvers run in; kept because a list asks for the same one again and again. */
  context: Context | undefined
  count = 0
  failed = 0
  pending = 0
  endMs = 0

  constructor(above: Field | undefined, depth: number, inList: boolean) {
    this.above = above
    this.depth = depth
    this.inList = inList
  }
}

export class Operation {
  readonly span: Span
  readonly context: Context
  private readonly tracer: Tracer
  private readonly options: FieldOptions
  private readonly root = new Field(undefined, 0, false)
  private readonly spans: Field[] = []
  private readonly recorded = new Set<unknown>()
  private unrecorded = 0
  private finished = false

  /** `context` is the one in which the operation's span is active. */
  constructor(tracer: Tracer, span: Span, context: Context, options: FieldOptions) {
    this.tracer = tracer
    this.span = span
    this.context = context
    this.options = options
  }

  /** The field at this path. Items of a list share the field of the list. */
  find(path: Path): Field {
    let inList = false
    let named: Path | undefined = path
    while (named !== undefined && typeof named.key === 'number') {
      inList = true
      named = named.prev
    }
    if (named === undefined) return this.root
    const above = named.prev === undefined ? this.root : this.find(named.prev)
    let field = above.fields.get(named.key as string)
    if (field === undefined) {
      const below = named.prev !== undefined && typeof named.prev.key === 'number'
      field = new Field(above, above.depth + 1 + (below ? 1 : 0), inList || below || above.inList)
      above.fields.set(named.key as string, field)
    }
    return field
  }

  /** Gives the field its span when it may have one; the context in which its resolver runs. */
  enter(field: Field, info: ResolveInfo, startMs?: number): Context {
    field.count++
    if (field.context !== undefined) {
      if (field.span === undefined) this.unrecorded++
      return field.context
    }
    const above = this.contextAbove(field)
    const { depth } = this.options
    if (this.finished || this.spans.length >= maxFieldSpans || (depth >= 0 && field.depth > depth)) {
      this.unrecorded++
      return (field.context = above)
    }
    field.span = this.tracer.startSpan(
      `graphql.resolve ${info.parentType.name}.${info.fieldName}`,
      {
        attributes: {
          'graphql.field.name': info.fieldName,
          'graphql.field.path': printPath(info.path),
          'graphql.field.type': String(info.returnType),
          'graphql.parent.name': info.parentType.name,
        },
        ...(startMs !== undefined && { startTime: startMs }),
      },
      above,
    )
    this.spans.push(field)
    return (field.context = trace.setSpan(above, field.span))
  }

  succeed(field: Field): void {
    if (this.finished) return
    field.endMs = performance.now()
  }

  fail(field: Field, error: unknown): void {
    if (this.finished) return
    field.endMs = performance.now()
    const { span } = field
    if (span === undefined) return
    if (this.recorded.size < maxFieldSpans) this.recorded.add(error)
    if (field.failed++ > 0) return
    span.recordException(error as Error)
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
  }

  /** With what `execute` gave, or with what it threw. */
  finish(result: unknown, thrown?: unknown): void {
    if (this.finished) return
    this.finished = true
    for (const field of this.spans) endField(field)
    this.spans.length = 0
    const { span } = this
    if (this.unrecorded > 0) span.setAttribute('graphql.field.unrecorded_count', this.unrecorded)
    if (thrown !== undefined) {
      span.recordException(thrown as Error)
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(thrown) })
    } else this.noteErrors((result as { errors?: unknown } | undefined)?.errors)
  }

  private noteErrors(errors: unknown): void {
    if (!Array.isArray(errors) || errors.length === 0) return
    this.span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(errors[0]) })
    let noted = 0
    for (const error of errors) {
      if (noted >= maxErrors) break
      const original = (error as { originalError?: unknown } | null)?.originalError
      if (this.recorded.has(original) || this.recorded.has(error)) continue
      this.span.recordException(error as Error)
      noted++
    }
  }

  private contextAbove(field: Field): Context {
    if (this.options.flatResolveSpans === true) return this.context
    for (let above = field.above; above !== undefined; above = above.above)
      if (above.span !== undefined) return above.context as Context
    return this.context
  }
}

function endField({ span, inList, count, failed, pending, endMs }: Field): void {
  if (span === undefined) return
  if (inList) {
    span.setAttribute('graphql.item.count', count)
    if (failed > 0) span.setAttribute('graphql.item.failed_count', failed)
  }
  // What is still pending was given up: an error elsewhere has ended the operation.
  if (pending > 0 || endMs === 0) span.end()
  else span.end(endMs)
}

/** `books.*.author`: the names of the answer, whichever item. */
function printPath(path: Path): string {
  const keys: string[] = []
  for (let at: Path | undefined = path; at !== undefined; at = at.prev)
    keys.push(typeof at.key === 'number' ? '*' : at.key)
  return keys.reverse().join('.')
}
