// dist/metrics.cjs: the metrics SDK and everything that needs it.
export { type Metrics, type MetricsOptions, startMetrics } from './pipeline.ts'
