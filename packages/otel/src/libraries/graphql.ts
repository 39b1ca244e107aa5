// GraphQL 14 to 17. Upstream's instrumentation makes the spans of parsing, validating and executing, and a span for every
// resolver of every list item when that is asked for (`mergeItems: false`). By default the fields are ours: a span per
// field of the query, whatever the length of the lists, and none where a resolver only reads a property.
import diagnostics from 'node:diagnostics_channel'
import { type Context, context, type Span, trace } from '@opentelemetry/api'
import { GraphQLInstrumentation as Upstream } from '@opentelemetry/instrumentation-graphql'
import { guard } from '../self/guard.ts'
import { RPC_METADATA_KEY, storage } from '../tracing/context.ts'
import { Operation } from './graphql-operation.ts'
import { OPERATION, type Schema, watchResolver, watchSchema } from './graphql-resolver.ts'

type Execute = (this: unknown, ...args: any[]) => any

interface Definition {
  readonly operation: 'query' | 'mutation' | 'subscription'
  readonly name?: { readonly value?: string }
}

interface Call {
  readonly schema: Schema
  readonly document: { readonly definitions?: readonly unknown[] } | undefined
  readonly operationName: string | null | undefined
  readonly variableValues: unknown
}

/** Clients choose the names of operations: so many different ones become part of a span's name, the next ones do not. */
const maxOperationNames = 200
const maxNameLength = 64
const knownOperations = new Set(['query', 'mutation', 'subscription'])

// The method is private, but only in upstream's types.
const Base: any = Upstream

export class GraphQLInstrumentation extends Base {
  private names: Set<string> | undefined
  private stopEvents: (() => void) | undefined

  constructor(config: object = {}) {
    super({ mergeItems: true, ignoreTrivialResolveSpans: true, nameServerSpan: true, ...config })
  }

  init(): unknown {
    const module = super.init()
    for (const file of module.files)
      if (file.name.endsWith('execute.js')) {
        const { patch, unpatch } = file
        file.patch = (exports: any) => {
          const patched = patch.call(file, exports)
          this._wrap(patched, 'subscribe', (original: Execute) =>
            this.patchSubscribe(original, patched.defaultFieldResolver),
          )
          return patched
        }
        file.unpatch = (exports: any) => {
          this.stopEvents?.()
          if (exports?.subscribe) this._unwrap(exports, 'subscribe')
          return unpatch.call(file, exports)
        }
      }
    return module
  }

  _patchExecute(defaultResolver: unknown): (original: Execute) => Execute {
    const wrapUpstream = super._patchExecute(defaultResolver)
    const instrumentation = this
    return original => {
      function executeAsUpstream(this: unknown, ...args: any[]): any {
        if (args.length !== 1 || args[0] === null || typeof args[0] !== 'object')
          return wrapUpstream(original).apply(this, args)
        // Upstream rebuilds the argument from the fields that graphql 14 knew: `abortSignal` and newer ones would be lost.
        const traced = wrapUpstream(function (this: unknown, rebuilt: object) {
          return original.call(this, { ...args[0], ...rebuilt })
        })
        return traced.apply(this, args)
      }
      return function execute(this: unknown, ...args: any[]) {
        if (!instrumentation.getConfig().mergeItems) return executeAsUpstream.apply(this, args)
        const begun = guard('graphql execute', () => instrumentation.begin(readCall(args)))
        if (begun === undefined) return original.apply(this, args)
        const watched = guard('graphql arguments', () =>
          begun.operation === undefined || args[0] == null
            ? args
            : instrumentation.watchArguments(args, defaultResolver),
        )
        let result: any
        try {
          result = context.with(begun.context, () => original.apply(this, watched ?? args))
        } catch (error) {
          begun.finish(undefined, error)
          throw error
        }
        if (typeof result?.then !== 'function') begun.finish(result)
        else
          result.then(
            (value: unknown) => begun.finish(value),
            (error: unknown) => begun.finish(undefined, error ?? new Error('rejected')),
          )
        return result
      }
    }
  }

  /** The span of an operation, what follows its fields, and how both end. */
  begin(call: Call): {
    context: Context
    operation: Operation | undefined
    finish(result: unknown, error?: unknown): void
  } {
    const config = this.getConfig()
    const active = context.active()
    const definition = findOperation(call)
    const span: Span = this._createExecuteSpan(definition, call)
    const name = definition === undefined ? '' : this.nameOf(definition)
    if (definition !== undefined) span.updateName(name)
    if (config.nameServerSpan && definition !== undefined) nameServerSpan(active, definition, name)
    const watched = span.isRecording() && !config.ignoreResolveSpans
    const own = trace.setSpan(active, span)
    const operation = new Operation(this.tracer, span, own, config)
    return {
      // An operation inside a resolver of another must not be taken for a part of it.
      context:
        watched || active.getValue(OPERATION)
          ? own.setValue(OPERATION, watched ? operation : undefined)
          : own,
      operation: watched ? operation : undefined,
      finish: (result, error) => this.finish(span, operation, result, error),
    }
  }

  finish(span: Span, operation: Operation, result: unknown, error?: unknown): void {
    guard('graphql result', () => operation.finish(result, error))
    const { responseHook } = this.getConfig()
    // Ends the span as well.
    if (typeof responseHook === 'function' && error === undefined) this._executeResponseHook(span, result)
    else span.end()
  }

  /** `query Books`; of too many names only the kind of operation. */
  nameOf({ operation, name }: Definition): string {
    const text = name?.value
    if (typeof text !== 'string' || text === '' || text.length > maxNameLength) return operation
    const names = (this.names ??= new Set())
    if (!names.has(text)) {
      if (names.size >= maxOperationNames) return operation
      names.add(text)
    }
    return `${operation} ${text}`
  }

  watchArguments(args: any[], defaultResolver: unknown): any[] {
    const wantsTrivial = this.getConfig().ignoreTrivialResolveSpans === false
    const watch = (resolver: any) =>
      watchResolver(resolver ?? (defaultResolver as any), defaultResolver, wantsTrivial)
    const { schema } = readCall(args)
    if (typeof schema?.getTypeMap === 'function') watchSchema(schema, defaultResolver, wantsTrivial)
    if (args.length === 1) return [{ ...args[0], fieldResolver: watch(args[0].fieldResolver) }]
    const watched = [...args]
    while (watched.length < 7) watched.push(undefined)
    watched[6] = watch(watched[6])
    return watched
  }

  /** Up to graphql 16 an event of a subscription passes `execute`; from 17.1 on it is told on a channel. */
  patchSubscribe(original: Execute, defaultResolver: unknown): Execute {
    const instrumentation = this
    return function subscribe(this: unknown, ...args: any[]) {
      if (!instrumentation.getConfig().mergeItems) return original.apply(this, args)
      const watched = guard('graphql subscribe', () => {
        instrumentation.watchEvents()
        return instrumentation.watchArguments(args, defaultResolver)
      })
      return original.apply(this, watched ?? args)
    }
  }

  watchEvents(): void {
    if (this.stopEvents !== undefined) return
    const channel = diagnostics.tracingChannel<unknown, any>('graphql:execute:rootSelectionSet')
    const open = new WeakMap<object, { finish(result: unknown, error?: unknown): void }>()
    const isEvent = (message: any) => message?.operationType === 'subscription'
    const finish = (message: any) => {
      guard('graphql event', () => open.get(message)?.finish(message.result, message.error))
      open.delete(message)
    }
    channel.start.bindStore(storage, (message: any) => {
      const active = context.active()
      if (!isEvent(message)) return active
      const begun = guard('graphql event', () =>
        this.begin({ ...message, variableValues: message.rawVariableValues }),
      )
      if (begun === undefined) return active
      open.set(message, begun)
      return begun.context
    })
    const end = (message: any) => {
      // Of an event that is still at work the end comes on `asyncEnd`.
      if (isEvent(message) && ('result' in message || 'error' in message)) finish(message)
    }
    channel.end.subscribe(end)
    channel.asyncEnd.subscribe(end)
    this.stopEvents = () => {
      channel.start.unbindStore(storage)
      channel.end.unsubscribe(end)
      channel.asyncEnd.unsubscribe(end)
      this.stopEvents = undefined
    }
  }
}

function readCall(args: readonly any[]): Call {
  if (args.length === 1 && typeof args[0] === 'object' && args[0] !== null) return args[0]
  const [schema, document, , , variableValues, operationName] = args
  return { schema, document, variableValues, operationName }
}

function findOperation({ document, operationName }: Call): Definition | undefined {
  const definitions = document?.definitions
  if (!Array.isArray(definitions)) return undefined
  return definitions.find(
    definition =>
      knownOperations.has(definition?.operation) &&
      (!operationName || definition.name?.value === operationName),
  )
}

/** The request that carries the operation says which one it is. */
function nameServerSpan(active: Context, definition: Definition, name: string): void {
  const rpc = active.getValue(RPC_METADATA_KEY) as
    | { type?: unknown; span?: Span; operation?: string }
    | undefined
  if (rpc?.type !== 'http' || rpc.span === undefined || !rpc.span.isRecording()) return
  rpc.span.setAttribute('graphql.operation.type', definition.operation)
  const text = definition.name?.value
  if (typeof text === 'string' && text !== '') rpc.span.setAttribute('graphql.operation.name', text)
  rpc.operation = name
}
