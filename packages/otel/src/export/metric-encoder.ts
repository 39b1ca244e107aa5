// What a MetricReader of sdk-metrics collects -> bytes. Field numbers: opentelemetry/proto/metrics/v1/metrics.proto.
import type {
  DataPoint,
  ExponentialHistogram,
  Histogram,
  MetricData,
  ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { ExemplarData } from '../metrics/histogram-source.ts'
import type { Lease } from './lease.ts'
import { ProtoWriter } from './protobuf.ts'
import { encodeScope, frameRequest, type ScopeChunk } from './request.ts'
import { type EncodedResource, encodeResource } from './resource-encoder.ts'
import { parseIdWord } from './span-encoder.ts'

// sdk-metrics' enums by value: types only, so that this chunk does not load the SDK.
const exponentialHistogram = 1
const histogram = 0
const gauge = 2
const sum = 3
/** ValueType.INT */
const int = 0

/** A data point may bring exemplars, which upstream's SDK does not know. */
export type PointWithExemplars<T> = DataPoint<T> & { readonly exemplars?: readonly ExemplarData[] }

export interface EncodedMetrics {
  readonly request: Lease
  /** Data points: what metrics are counted in. */
  readonly items: number
}

/** One ExportMetricsServiceRequest; `undefined` when nothing was measured. `resource` replaces the collected one. */
export function encodeMetrics(
  metrics: ResourceMetrics,
  resource: EncodedResource = encodeResource(metrics.resource),
): EncodedMetrics | undefined {
  let items = 0
  const chunks: ScopeChunk[] = []
  for (const { scope, metrics: list } of metrics.scopeMetrics) {
    const w = new ProtoWriter(4096)
    for (const metric of list) {
      if (metric.dataPoints.length === 0) continue
      encodeMetric(w, metric)
      items += metric.dataPoints.length
    }
    if (w.pos > 0) chunks.push({ scope: encodeScope(scope), items: w.buf.subarray(0, w.pos) })
  }
  return items === 0 ? undefined : { request: frameRequest(resource, chunks), items }
}

function encodeMetric(w: ProtoWriter, metric: MetricData): void {
  w.reserve(8)
  w.byte(0x12)
  const at = w.open()
  text(w, 0x0a, metric.descriptor.name)
  text(w, 0x12, metric.descriptor.description)
  text(w, 0x1a, metric.descriptor.unit)
  w.reserve(8)
  switch (metric.dataPointType as number) {
    case gauge: {
      w.byte(0x2a)
      const data = w.open()
      for (const point of metric.dataPoints as DataPoint<number>[]) {
        numberPoint(w, point, metric.descriptor.valueType === int)
      }
      w.close(data)
      break
    }
    case sum: {
      w.byte(0x3a)
      const data = w.open()
      for (const point of metric.dataPoints as DataPoint<number>[]) {
        numberPoint(w, point, metric.descriptor.valueType === int)
      }
      temporality(w, metric)
      if ('isMonotonic' in metric && metric.isMonotonic) {
        w.byte(0x18)
        w.byte(1)
      }
      w.close(data)
      break
    }
    case histogram: {
      w.byte(0x4a)
      const data = w.open()
      for (const point of metric.dataPoints as DataPoint<Histogram>[]) histogramPoint(w, point)
      temporality(w, metric)
      w.close(data)
      break
    }
    case exponentialHistogram: {
      w.byte(0x52)
      const data = w.open()
      for (const point of metric.dataPoints as DataPoint<ExponentialHistogram>[]) exponentialPoint(w, point)
      temporality(w, metric)
      w.close(data)
      break
    }
  }
  w.close(at)
}

/** AggregationTemporality: upstream counts delta 0 and cumulative 1, the protocol 1 and 2. */
function temporality(w: ProtoWriter, metric: MetricData): void {
  w.reserve(8)
  w.byte(0x10)
  w.byte((metric.aggregationTemporality as number) + 1)
}

function numberPoint(w: ProtoWriter, point: PointWithExemplars<number>, asInt: boolean): void {
  w.reserve(8)
  w.byte(0x0a)
  const at = w.open()
  times(w, point)
  if (asInt && Number.isInteger(point.value)) {
    w.byte(0x31)
    w.fixedInt(point.value)
  } else {
    w.byte(0x21)
    w.double(point.value)
  }
  exemplars(w, 0x2a, point)
  attributes(w, 0x3a, point)
  w.close(at)
}

function histogramPoint(w: ProtoWriter, point: PointWithExemplars<Histogram>): void {
  const { value } = point
  const { counts, boundaries } = value.buckets
  w.reserve(8)
  w.byte(0x0a)
  const at = w.open()
  times(w, point)
  w.reserve(64 + counts.length * 8 + boundaries.length * 8)
  w.byte(0x21)
  w.fixedInt(value.count)
  optionalDouble(w, 0x29, value.sum)
  if (counts.length > 0) {
    w.byte(0x32)
    w.varint(counts.length * 8)
    for (const count of counts) w.fixedInt(count)
  }
  if (boundaries.length > 0) {
    w.byte(0x3a)
    w.varint(boundaries.length * 8)
    for (const boundary of boundaries) w.double(boundary)
  }
  exemplars(w, 0x42, point)
  attributes(w, 0x4a, point)
  optionalDouble(w, 0x59, value.min)
  optionalDouble(w, 0x61, value.max)
  w.close(at)
}

function exponentialPoint(w: ProtoWriter, point: PointWithExemplars<ExponentialHistogram>): void {
  const { value } = point
  w.reserve(8)
  w.byte(0x0a)
  const at = w.open()
  attributes(w, 0x0a, point)
  times(w, point)
  w.byte(0x21)
  w.fixedInt(value.count)
  optionalDouble(w, 0x29, value.sum)
  w.reserve(32)
  if (value.scale !== 0) {
    w.byte(0x30)
    w.sint32(value.scale)
  }
  w.byte(0x39)
  w.fixedInt(value.zeroCount)
  buckets(w, 0x42, value.positive)
  buckets(w, 0x4a, value.negative)
  exemplars(w, 0x5a, point)
  optionalDouble(w, 0x61, value.min)
  optionalDouble(w, 0x69, value.max)
  w.close(at)
}

function buckets(w: ProtoWriter, tag: number, side: { offset: number; bucketCounts: number[] }): void {
  w.reserve(32 + side.bucketCounts.length * 10)
  w.byte(tag)
  const at = w.open()
  if (side.offset !== 0) {
    w.byte(0x08)
    w.sint32(side.offset)
  }
  if (side.bucketCounts.length > 0) {
    w.byte(0x12)
    const list = w.open()
    w.reserve(side.bucketCounts.length * 10)
    for (const count of side.bucketCounts) w.int64(count)
    w.close(list)
  }
  w.close(at)
}

function exemplars(w: ProtoWriter, tag: number, point: PointWithExemplars<unknown>): void {
  if (point.exemplars === undefined) return
  for (const exemplar of point.exemplars) {
    w.reserve(8)
    w.byte(tag)
    const at = w.open()
    w.byte(0x11)
    w.time(exemplar.timeMs)
    w.byte(0x19)
    w.double(exemplar.value)
    if (exemplar.spanId.length === 16 && exemplar.traceId.length === 32) {
      w.byte(0x22)
      w.byte(8)
      for (let i = 0; i < 16; i += 8) w.idWord(parseIdWord(exemplar.spanId, i))
      w.byte(0x2a)
      w.byte(16)
      for (let i = 0; i < 32; i += 8) w.idWord(parseIdWord(exemplar.traceId, i))
    }
    attributes(w, 0x3a, { attributes: exemplar.filteredAttributes })
    w.close(at)
  }
}

function times(w: ProtoWriter, point: DataPoint<unknown>): void {
  w.reserve(64)
  w.byte(0x11)
  w.hrTime(point.startTime)
  w.byte(0x19)
  w.hrTime(point.endTime)
}

function attributes(w: ProtoWriter, tag: number, point: Pick<DataPoint<unknown>, 'attributes'>): void {
  for (const key of Object.keys(point.attributes)) {
    const value = point.attributes[key]
    if (value !== undefined) w.keyValue(tag, key, value)
  }
}

function optionalDouble(w: ProtoWriter, tag: number, value: number | undefined): void {
  if (value === undefined) return
  w.reserve(16)
  w.byte(tag)
  w.double(value)
}

function text(w: ProtoWriter, tag: number, value: string): void {
  if (value === '') return
  w.reserve(8)
  w.byte(tag)
  w.string(value)
}
