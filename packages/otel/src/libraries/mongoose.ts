// mongoose hands its operations to the mongodb driver, whose spans are the calls to the server. mongoose's own (what was
// asked of which model, waiting for the connection included) is no second call: INTERNAL where the driver is instrumented.
import { type Span, SpanKind, type SpanOptions, type Tracer } from '@opentelemetry/api'
import { MongooseInstrumentation as Upstream } from '@opentelemetry/instrumentation-mongoose'

// The getter is overridden: upstream's types call it a property.
const Base: any = Upstream

export class MongooseInstrumentation extends Base {
  get tracer(): Pick<Tracer, 'startSpan'> {
    const tracer: Tracer = super.tracer
    const told = this.getConfig().isInstrumented?.('mongodb') === true
    if (!told || this.getConfig().suppressInternalInstrumentation) return tracer
    return {
      startSpan: (name: string, options?: SpanOptions, ...rest: any[]): Span =>
        tracer.startSpan(name, { ...options, kind: SpanKind.INTERNAL }, ...rest),
    }
  }
}
