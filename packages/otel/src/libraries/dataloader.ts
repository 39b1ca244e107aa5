// dataloader. A list of a thousand items calls `load` a thousand times: the calls of one caller that wait together are one
// span with a count, beside upstream's span per batch. `mergeLoads: false` gives upstream's span per call, `prime` and `clear`
// included, which only write down a value.
import { type Context, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { DataloaderInstrumentation as Upstream } from '@opentelemetry/instrumentation-dataloader'
import { messageOf } from '../self/error-text.ts'
import { guard } from '../self/guard.ts'

type Method = (this: any, ...args: any[]) => any

/** Calls of `load` that wait at the same time, asked for in the same span. */
interface Loads {
  readonly span: Span
  readonly asker: Span | undefined
  readonly inside: Context
  pending: number
  count: number
  failed: number
  batch: unknown
}

// The methods are private, but only in upstream's types.
const Base: any = Upstream

export class DataloaderInstrumentation extends Base {
  /** Set by the constructor of the base, before fields are. */
  declare private waiting: WeakMap<object, Loads>

  constructor(config: object = {}) {
    super({ mergeLoads: true, ...config })
  }

  _getPatchedLoad(original: Method): Method {
    const instrumentation = this
    const asUpstream: Method = super._getPatchedLoad(original)
    return function load(...args) {
      if (!instrumentation.getConfig().mergeLoads) return asUpstream.apply(this, args)
      const loads = guard('dataloader load', () => instrumentation.join(this))
      if (loads === undefined) return original.apply(this, args)
      let result: any
      try {
        result = context.with(loads.inside, () => original.apply(this, args))
      } catch (error) {
        leave(loads, error)
        throw error
      }
      guard('dataloader batch', () => link(this._batch, loads))
      result.then(
        () => leave(loads),
        (error: unknown) => leave(loads, error ?? new Error('rejected')),
      )
      return result
    }
  }

  /** Upstream takes what the function returns for a promise. What is none goes back to dataloader, which knows what to say. */
  _wrapBatchLoadFn(batch: Method): Method {
    const trace: (batch: Method) => Method = super._wrapBatchLoadFn.bind(this)
    return function patchedBatchLoadFn(...args) {
      let returned: { value: unknown } | undefined
      const traced = trace(function (...given) {
        returned = { value: batch.apply(this, given) }
        return returned.value
      })
      try {
        return traced.apply(this, args)
      } catch (error) {
        // Upstream has stumbled over the result; what the function itself throws is the application's.
        if (returned === undefined) throw error
        return returned.value
      }
    }
  }

  /** The loads that this call waits with: those of the same caller, if any are under way. */
  join(loader: object): Loads | undefined {
    if (!this.shouldCreateSpans()) return undefined
    const parent = context.active()
    const asker = trace.getSpan(parent)
    const waiting = (this.waiting ??= new WeakMap())
    let loads = waiting.get(loader)
    if (loads === undefined || loads.pending === 0 || loads.asker !== asker) {
      const span: Span = this.tracer.startSpan(this.getSpanName(loader, 'load'), {}, parent)
      const inside = trace.setSpan(parent, span)
      loads = { span, asker, inside, pending: 0, count: 0, failed: 0, batch: undefined }
      waiting.set(loader, loads)
    }
    loads.pending++
    loads.count++
    return loads
  }

  _patchPrime(prototype: unknown): void {
    if (!this.getConfig().mergeLoads) super._patchPrime(prototype)
  }
  _patchClear(prototype: unknown): void {
    if (!this.getConfig().mergeLoads) super._patchClear(prototype)
  }
  _patchClearAll(prototype: unknown): void {
    if (!this.getConfig().mergeLoads) super._patchClearAll(prototype)
  }
}

function leave(loads: Loads, error?: unknown): void {
  const { span } = loads
  if (error !== undefined && loads.failed++ === 0) {
    span.recordException(error as Error)
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
  }
  if (--loads.pending > 0) return
  span.setAttribute('dataloader.load.count', loads.count)
  if (loads.failed > 0) span.setAttribute('dataloader.load.failed_count', loads.failed)
  span.end()
}

/** Upstream links the span of a batch to what is in this list. */
function link(batch: any, loads: Loads): void {
  if (typeof batch !== 'object' || batch === null || loads.batch === batch) return
  loads.batch = batch
  batch.spanLinks ??= []
  batch.spanLinks.push({ context: loads.span.spanContext() })
}
