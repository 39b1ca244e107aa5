export { ArgumentError } from './argument-error.ts'
export {
  type ExemplarCounter,
  type ExemplarHistogram,
  exemplarCounter,
  exemplarHistogram,
  type HistogramOptions,
  type InstrumentOptions,
  type Labels,
  type PromModule,
  type PromRegistryLike,
  type Target,
} from './instrument.ts'
export type { OtlpTransformerModule } from './otlp-transformer.ts'
export type { DataPointExemplar, SdkMetricsOptions } from './sdk-metrics.ts'
export type { ExemplarOptions } from './shared.ts'
export { type SdkMetricsModule, type TraceExemplarsOptions, traceExemplars } from './trace-exemplars.ts'
