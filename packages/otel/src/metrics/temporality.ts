// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE, per instrument, as the OTLP exporter specification has it.
import { AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics'
import type { Config } from '../config/config.ts'

const { CUMULATIVE, DELTA } = AggregationTemporality

const deltas: Record<Config['metrics']['temporality'], readonly InstrumentType[]> = {
  cumulative: [],
  delta: [
    InstrumentType.COUNTER,
    InstrumentType.OBSERVABLE_COUNTER,
    InstrumentType.GAUGE,
    InstrumentType.OBSERVABLE_GAUGE,
    InstrumentType.HISTOGRAM,
  ],
  lowmemory: [InstrumentType.COUNTER, InstrumentType.HISTOGRAM],
}

export function selectTemporality(
  preference: Config['metrics']['temporality'],
  instrument: InstrumentType,
): AggregationTemporality {
  return deltas[preference].includes(instrument) ? DELTA : CUMULATIVE
}
