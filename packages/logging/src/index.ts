export type { CorrelationOptions, FieldNames, Preset } from './options.ts'
export { type PinoMixin, pinoMixin } from './pino.ts'
export { createTraceFields, type TraceFields } from './trace-fields.ts'
export { type WinstonFormat, winstonTraceFormat } from './winston.ts'
