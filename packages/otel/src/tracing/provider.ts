// The API's TracerProvider: holds what all tracers share and decides where an ended span goes.
import type { Context, Tracer, TracerProvider } from '@opentelemetry/api'
import type { SpanLimits } from '../config/config.ts'
import type { Redactor } from '../redact/redactor.ts'
import { printError } from '../self/error-text.ts'
import { say } from '../self/log.ts'
import { ROOT } from './context.ts'
import type { Scope, SpanSink } from './ended-span.ts'
import { maxOpenSpans, OpenSpans } from './open-spans.ts'
import { alwaysOn } from './sampling/fixed.ts'
import type { KeepErrors } from './sampling/keep-errors.ts'
import type { HeadSampler, Question } from './sampling/sampler.ts'
import { HeldSpan, KNOWN_RANDOM, type LeanSpan, RANDOM, SAMPLED, type SpanRecord } from './span.ts'
import { defaultMaxNames, SpanNames } from './span-names.ts'
import { LeanTracer } from './tracer.ts'

/** Upstream's IdGenerator: 32 and 16 lower-case hex digits. */
export interface IdGenerator {
  generateTraceId(): string
  generateSpanId(): string
}

/** Upstream's SpanProcessor (sdk-trace 3.x). The spans it gets are LeanSpans, which read like upstream's. */
export interface SpanProcessor {
  onStart(span: any, parentContext: Context): void
  onEnding?(span: any): void
  onEnd(span: any): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

/** Sampler answers as semantic conventions name them (`otel.span.sampling_result`). */
export const samplingResults = ['DROP', 'RECORD_ONLY', 'RECORD_AND_SAMPLE'] as const
/** Where a parent came from, as semantic conventions name it (`otel.span.parent.origin`). */
export const parentOrigins = ['none', 'local', 'remote'] as const

/** `otel.sdk.span.started` and `otel.sdk.span.live`, as plain numbers to be read when metrics are collected. */
export interface SpanStats {
  /** At `parentOrigins` index * 3 + `samplingResults` index. */
  readonly started: number[]
  /** Live spans at `samplingResults` index (nothing is live that was dropped). */
  readonly live: number[]
}

export interface TracerProviderOptions {
  /** Where ended, sampled spans go. */
  sink: SpanSink
  sampler?: HeadSampler
  limits?: Partial<SpanLimits>
  idGenerator?: IdGenerator
  /** Traces that begin here carry W3C level 2's random flag. Off: some SDKs refuse a `traceparent` that has it. */
  randomFlag?: boolean
  /** The application's own processors; they see every recorded span before the sink does. */
  processors?: readonly SpanProcessor[]
  /** Keeps unsampled local roots that fail or are slow. */
  keepErrors?: KeepErrors
  /** Different names that the spans of one scope may have. */
  maxSpanNames?: number
  /** What processors read as `span.resource`. */
  resource?: unknown
  /** Open spans that are known at the end of the process. */
  maxOpenSpans?: number
  /** Takes secrets out of every span that leaves, whoever made it. Absent: nothing is hidden. */
  redactor?: Redactor
  /** What else `forceFlush` and `shutdown` wait for: the export room. */
  flush?: () => Promise<void>
  stop?: () => Promise<void>
}

// Upstream's exporters read `resource.attributes` of every span they get.
const emptyResource = { attributes: {}, asyncAttributesPending: false, getRawAttributes: () => [] }

export const defaultLimits: SpanLimits = {
  attributeCount: 128,
  attributeValueLength: Number.POSITIVE_INFINITY,
  eventCount: 128,
  linkCount: 128,
  attributePerEventCount: 128,
  attributePerLinkCount: 128,
}

/**
 *     const provider = new LeanTracerProvider({ sink, sampler: buildSampler(config.traces.sampler) })
 *     const tracer = provider.getTracer('checkout', '1.2.0')
 */
export class LeanTracerProvider implements TracerProvider {
  readonly sink: SpanSink
  readonly sampler: HeadSampler
  readonly limits: SpanLimits
  readonly idGenerator: IdGenerator | undefined
  /** Flags of a trace that begins with an id of ours. */
  readonly rootFlags: number
  /** null when the application brought none: then nothing is kept for them. */
  readonly processors: readonly SpanProcessor[] | null
  readonly keepErrors: KeepErrors | null
  readonly resource: unknown
  /** null: nothing is hidden. */
  readonly redactor: Redactor | null
  readonly stats: SpanStats = { started: [0, 0, 0, 0, 0, 0, 0, 0, 0], live: [0, 0, 0] }
  readonly open: OpenSpans
  /** The one question object; see `Question`. */
  readonly question: Question
  /** After `shutdown`: spans that end are no longer handed on, and new ones record nothing. */
  stopped = false
  private readonly tracers = new Map<string, LeanTracer>()
  private readonly options: TracerProviderOptions

  constructor(options: TracerProviderOptions) {
    this.options = options
    this.redactor = options.redactor ?? null
    this.sink = this.redactor === null ? options.sink : redactInto(options.sink, this.redactor)
    this.sampler = options.sampler ?? alwaysOn
    this.limits = usableLimits({ ...defaultLimits, ...options.limits })
    this.idGenerator = options.idGenerator
    this.rootFlags = options.randomFlag === true ? RANDOM : KNOWN_RANDOM
    this.processors = options.processors?.length ? [...options.processors] : null
    this.keepErrors = options.keepErrors ?? null
    if (this.keepErrors !== null) this.keepErrors.emit = record => this.upgrade(record)
    this.resource = options.resource ?? emptyResource
    this.open = new OpenSpans(sayTooManyOpen, options.maxOpenSpans)
    this.question = {
      context: ROOT,
      parent: undefined,
      t0: 0,
      t1: 0,
      t2: 0,
      t3: 0,
      random: false,
      name: '',
      kind: 0,
      attributes: [],
      links: null,
      traceState: undefined,
      added: null,
      final: false,
    }
  }

  /** The same tracer for the same name, version and schema URL. */
  getTracer(name: string, version?: string, options?: { schemaUrl?: string }): Tracer & LeanTracer {
    const key = `${name}@${version || ''}:${options?.schemaUrl || ''}`
    let tracer = this.tracers.get(key)
    if (tracer === undefined) {
      const text = `${name ?? ''}`
      const names = new SpanNames({ name: text }, this.options.maxSpanNames ?? defaultMaxNames)
      const scope: Scope = { name: text, version, schemaUrl: options?.schemaUrl }
      // Processors show the scope to the application, which has never seen more than upstream's three fields.
      Object.defineProperty(scope, 'names', { value: names })
      tracer = new LeanTracer(this, scope)
      this.tracers.set(key, tracer)
    }
    return tracer
  }

  // Upstream publishes a proxy; code that asks it for the provider behind gets the provider.
  getDelegate(): this {
    return this
  }

  getDelegateTracer(name: string, version?: string, options?: { schemaUrl?: string }): Tracer {
    return this.getTracer(name, version, options)
  }

  /** Called by a span that is being recorded, with its decision already counted. */
  started(span: LeanSpan, context: Context): void {
    if (this.processors === null) return
    for (const processor of this.processors) {
      try {
        processor.onStart(span, context)
      } catch (error) {
        sayFailure('onStart', error)
      }
    }
  }

  /** Called once per recorded span, with its end time set. */
  ending(span: LeanSpan, record: SpanRecord): void {
    this.open.remove(record)
    if (this.processors === null) {
      record.ended = true
      span.record = null
      span.printed = null
    } else {
      this.process(span, record)
    }
    this.stats.live[record.flags & SAMPLED ? 2 : 1]!--
    if (this.stopped) return
    if (record.flags & SAMPLED) {
      this.handOn(record)
    } else if (span instanceof HeldSpan) {
      span.local.ended(record, !record.hasParent || record.parentIsRemote)
    }
  }

  private upgrade(record: SpanRecord): void {
    record.flags |= SAMPLED
    this.handOn(record)
  }

  private handOn(record: SpanRecord): void {
    const { names } = record.scope
    if (names !== undefined) record.name = names.bound(record.name)
    this.sink.add(record)
  }

  private process(span: LeanSpan, record: SpanRecord): void {
    const processors = this.processors as readonly SpanProcessor[]
    for (const processor of processors) {
      try {
        processor.onEnding?.(span)
      } catch (error) {
        sayFailure('onEnding', error)
      }
    }
    record.ended = true
    // Processors of the application have exporters of their own.
    this.redactor?.redactSpan(record)
    for (const processor of processors) {
      try {
        processor.onEnd(span)
      } catch (error) {
        sayFailure('onEnd', error)
      }
    }
  }

  /** Flushes the application's processors only. Never rejects: what one of them says is said once. */
  async flushProcessors(): Promise<void> {
    await Promise.all(
      (this.processors ?? []).map(async processor => {
        try {
          await processor.forceFlush()
        } catch (error) {
          say('warn', 'ORG_OTEL_PROCESSOR_FAILED', `SpanProcessor.forceFlush: ${printError(error)}`)
        }
      }),
    )
  }

  /** Flushes the application's processors, then what the export room holds. Rejects with the first failure. */
  async forceFlush(): Promise<void> {
    await settle([...(this.processors ?? []).map(p => () => p.forceFlush()), this.options.flush])
  }

  /**
   * As `forceFlush`, for good: spans ending later are not handed on, and tracers give spans that record nothing and pass
   * their parent's context on, as without an SDK. (Upstream's go on recording for nobody.) A second call does nothing.
   */
  async shutdown(): Promise<void> {
    if (this.stopped) return
    this.stopped = true
    await settle([...(this.processors ?? []).map(p => () => p.shutdown()), this.options.stop])
  }
}

function sayTooManyOpen(): void {
  say(
    'warn',
    'ORG_OTEL_OPEN_SPANS',
    `more than ${maxOpenSpans} spans are open; of the older ones nothing is sent if the process ends before them; does something start spans and never end them?`,
  )
}

/** Whoever hands a span on, and whenever: it is clean when it gets to the sink. */
function redactInto(sink: SpanSink, redactor: Redactor): SpanSink {
  return {
    add(span) {
      redactor.redactSpan(span)
      sink.add(span)
    },
  }
}

// The application's code, not ours: said once, and the span goes on.
function sayFailure(method: string, error: unknown): void {
  say(
    'warn',
    'ORG_OTEL_PROCESSOR_FAILED',
    `SpanProcessor.${method}: ${printError(error)}; the span is exported all the same`,
  )
}

async function settle(jobs: readonly ((() => Promise<void>) | undefined)[]): Promise<void> {
  const results = await Promise.allSettled(jobs.map(async job => job?.()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

// A limit of zero characters would empty every value; upstream reads it as no limit.
function usableLimits(limits: SpanLimits): SpanLimits {
  if (limits.attributeValueLength > 0) return limits
  return { ...limits, attributeValueLength: Number.POSITIVE_INFINITY }
}
