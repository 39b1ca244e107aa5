// Our HTTP room with everything under it failing: nothing of that may reach the application.

import { RequestDurations } from '../../src/tracing/http/durations.ts'
import { LeanPropagator } from '../../src/tracing/propagation/propagator.ts'
import { LeanSpan } from '../../src/tracing/span.ts'
import { LeanTracer } from '../../src/tracing/tracer.ts'

const fail = (): never => {
  throw new Error('injected')
}
const parts: Record<string, [object, string]> = {
  make: [LeanTracer.prototype, 'make'],
  extract: [LeanPropagator.prototype, 'extractFromHeaders'],
  inject: [LeanPropagator.prototype, 'injectInto'],
  end: [LeanSpan.prototype, 'end'],
  attribute: [LeanSpan.prototype, 'setAttribute'],
  record: [RequestDurations.prototype, 'record'],
}
const [target, name] = parts[process.env.BROKEN ?? 'make'] as [Record<string, unknown>, string]
target[name] = fail

export * from './ours.ts'
