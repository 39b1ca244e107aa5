// Views of the configuration file (data) as the metrics SDK takes them.
import {
  type AggregationOption,
  AggregationType,
  createAllowListAttributesProcessor,
  createDenyListAttributesProcessor,
  InstrumentType,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics'
import type { MetricInstrument, MetricView } from '../config/config.ts'

const instruments: Record<MetricInstrument, InstrumentType> = {
  counter: InstrumentType.COUNTER,
  gauge: InstrumentType.GAUGE,
  histogram: InstrumentType.HISTOGRAM,
  observable_counter: InstrumentType.OBSERVABLE_COUNTER,
  observable_gauge: InstrumentType.OBSERVABLE_GAUGE,
  observable_up_down_counter: InstrumentType.OBSERVABLE_UP_DOWN_COUNTER,
  up_down_counter: InstrumentType.UP_DOWN_COUNTER,
}

export function buildView({ selector, stream }: MetricView): ViewOptions {
  const { included, excluded } = stream.attributeKeys ?? {}
  return {
    ...given('instrumentName', selector.instrumentName),
    ...given('instrumentType', selector.instrumentType && instruments[selector.instrumentType]),
    ...given('instrumentUnit', selector.unit),
    ...given('meterName', selector.meterName),
    ...given('meterVersion', selector.meterVersion),
    ...given('meterSchemaUrl', selector.meterSchemaUrl),
    ...given('name', stream.name),
    ...given('description', stream.description),
    ...given('aggregation', stream.aggregation && buildAggregation(stream.aggregation)),
    ...given('aggregationCardinalityLimit', stream.cardinalityLimit),
    ...(included || excluded
      ? {
          attributesProcessors: [
            ...(included ? [createAllowListAttributesProcessor([...included])] : []),
            ...(excluded ? [createDenyListAttributesProcessor([...excluded])] : []),
          ],
        }
      : {}),
  }
}

function buildAggregation(aggregation: NonNullable<MetricView['stream']['aggregation']>): AggregationOption {
  switch (aggregation.type) {
    case 'drop':
      return { type: AggregationType.DROP }
    case 'sum':
      return { type: AggregationType.SUM }
    case 'last_value':
      return { type: AggregationType.LAST_VALUE }
    case 'explicit_bucket_histogram': {
      const { boundaries, recordMinMax } = aggregation
      if (boundaries === undefined) return { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM }
      return {
        type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
        options: { boundaries: [...boundaries], recordMinMax },
      }
    }
    case 'base2_exponential_bucket_histogram': {
      const { maxSize, recordMinMax } = aggregation
      return {
        type: AggregationType.EXPONENTIAL_HISTOGRAM,
        options: { recordMinMax, ...given('maxSize', maxSize) },
      }
    }
    default:
      return { type: AggregationType.DEFAULT }
  }
}

function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: T })
}
