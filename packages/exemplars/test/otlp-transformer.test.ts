// Exemplars through upstream's own serializers: the bytes are read by our receiver, which knows the official protocol.
import { ROOT_CONTEXT, TraceFlags, trace, ValueType } from '@opentelemetry/api'
import * as otlpTransformer from '@opentelemetry/otlp-transformer'
import * as sdkMetrics from '@opentelemetry/sdk-metrics'
import { type Receiver, startReceiver } from '@org/otel-devtools'
import { traceExemplars } from '../src/index.ts'
import { shared } from '../src/shared.ts'

const span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
}
const inSpan = trace.setSpanContext(ROOT_CONTEXT, span)
const { JsonMetricsSerializer, ProtobufMetricsSerializer } = otlpTransformer
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver({ unref: true })
})
afterAll(async () => {
  await receiver.close()
  expect(shared.failures).toBe(0)
})

class Reader extends sdkMetrics.MetricReader {
  protected async onForceFlush() {}
  protected async onShutdown() {}
}

async function collect(): Promise<sdkMetrics.ResourceMetrics> {
  const reader = new Reader()
  const { EXPONENTIAL_HISTOGRAM } = sdkMetrics.AggregationType
  const views = [
    { instrumentName: 'exponential', aggregation: { type: EXPONENTIAL_HISTOGRAM } as const },
    {
      instrumentName: 'sum',
      attributesProcessors: [sdkMetrics.createAllowListAttributesProcessor(['keep'])],
    },
  ]
  const meter = new sdkMetrics.MeterProvider({ readers: [reader], views }).getMeter('m')
  meter.createHistogram('explicit').record(12, { r: 'x' }, inSpan)
  meter.createHistogram('explicit').record(700, { r: 'x' }, inSpan)
  meter.createHistogram('exponential').record(3.5, {}, inSpan)
  const dropped = { user: 'u-ü', n: 300, neg: -1.5, yes: true, list: ['a', 'b'] }
  meter.createCounter('sum', { valueType: ValueType.INT }).add(1, { keep: 'k', ...dropped }, inSpan)
  meter.createGauge('gauge').record(21.5, {}, inSpan)
  meter.createCounter('bare').add(1)
  return (await reader.collect()).resourceMetrics
}

test.each([
  ['protobuf', 'application/x-protobuf', () => ProtobufMetricsSerializer],
  ['JSON', 'application/json', () => JsonMetricsSerializer],
])('%s carries them, and everything else as without us', async (_name, type, serializer) => {
  traceExemplars(sdkMetrics)
  const metrics = await collect()
  const plain = structuredClone({ ...metrics, resource: { attributes: metrics.resource.attributes } }) as any
  for (const scope of plain.scopeMetrics) {
    for (const metric of scope.metrics) for (const point of metric.dataPoints) delete point.exemplars
  }
  const without = Buffer.from(serializer().serializeRequest(plain)!)
  expect(traceExemplars(otlpTransformer)).toEqual({ active: true })
  expect(traceExemplars(otlpTransformer)).toEqual({ active: true })
  expect(Buffer.from(serializer().serializeRequest(plain)!)).toEqual(without)

  receiver.store.clear()
  const body = Buffer.from(serializer().serializeRequest(metrics)!)
  const answer = await fetch(`${receiver.url}/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  })
  expect(answer.status).toBe(200)
  const { traceId, spanId } = span
  const found = receiver.store.exemplars()
  expect(found.map(({ metric, value }) => [metric, value]).sort()).toEqual(
    [
      ['explicit', 12],
      ['explicit', 700],
      ['exponential', 3.5],
      ['sum', 1],
      ['gauge', 21.5],
    ].sort(),
  )
  for (const exemplar of found) expect(exemplar).toMatchObject({ traceId, spanId })
  const ofSum = found.find(({ metric }) => metric === 'sum') as any
  expect(ofSum.attributes ?? ofSum.filteredAttributes).toEqual({
    user: 'u-ü',
    n: 300,
    neg: -1.5,
    yes: true,
    list: ['a', 'b'],
  })
  expect(
    receiver.store
      .metrics()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['bare', 'explicit', 'exponential', 'gauge', 'sum'])
})

test('serializers that cannot be changed are left alone, with the reason', () => {
  const frozen = Object.freeze({ serializeRequest: () => new Uint8Array() })
  const answer = traceExemplars({ ProtobufMetricsSerializer: frozen, JsonMetricsSerializer: frozen })
  expect(answer).toEqual({ active: false, reason: expect.stringMatching(/cannot be changed/) })
})
