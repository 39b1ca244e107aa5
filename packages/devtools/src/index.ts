export type { Fault } from './receive/fault.ts'
export type { IntakeStats, Protocol, ReceivedRequest } from './receive/intake.ts'
export type { RequestLimits } from './receive/limits.ts'
export { type Receiver, type ReceiverOptions, startReceiver } from './receive/receiver.ts'
export type { Signal } from './receive/schema.ts'
export { parseLogLine } from './store/json-line.ts'
export { type FinishedOptions, watchFinished } from './store/quiet.ts'
export type {
  Attributes,
  AttributeValue,
  Buckets,
  Exemplar,
  LogRecord,
  MetricPoint,
  MetricType,
  Point,
  Resource,
  Scope,
  Span,
  SpanEvent,
  SpanKind,
  SpanLink,
} from './store/record.ts'
export {
  type AttributeFilter,
  bodyText,
  type Dropped,
  type FoundExemplar,
  type LogFilter,
  type Series,
  type SpanFilter,
  Store,
  type StoreBounds,
} from './store/store.ts'
export { buildTrace, buildTree, type Trace, type TraceNode, walk } from './store/trace.ts'
export { findInsights, type Insight } from './waterfall/insights.ts'
export { type RenderLogsOptions, renderLogs } from './waterfall/logs.ts'
export { findLinked, type RenderOptions, renderTrace, renderTraceList } from './waterfall/waterfall.ts'
