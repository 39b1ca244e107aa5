import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { decode } from '../../test/export/otlp.ts'
import { Random } from '../../test/export/random.ts'
import { seeded } from '../../test/export/samples.ts'
import { encodeLog, type LogRecordData } from './log-encoder.ts'
import { ProtoWriter } from './protobuf.ts'
import { encodeScope, frameRequest } from './request.ts'
import { encodeResource } from './resource-encoder.ts'

const scope = { name: 'pino', version: '10' }

function ours(records: LogRecordData[]): any {
  const w = new ProtoWriter(8)
  for (const record of records) encodeLog(w, record)
  const chunk = { scope: encodeScope(scope), items: w.finish() }
  return decode('LogsRequest', frameRequest(encodeResource({ attributes: { a: 1 } }), [chunk]).bytes)
}

function upstream(records: LogRecordData[]): any {
  const resource = resourceFromAttributes({ a: 1 })
  const hr = (ms: number): [number, number] => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)]
  const readable = records.map(r => ({
    hrTime: hr(r.timeMs ?? 0),
    hrTimeObserved: hr(r.observedMs),
    ...(r.traceId === undefined
      ? {}
      : { spanContext: { traceId: r.traceId, spanId: r.spanId!, traceFlags: r.traceFlags ?? 0 } }),
    severityText: r.severityText,
    severityNumber: r.severityNumber,
    body: r.body,
    eventName: r.eventName,
    resource,
    instrumentationScope: scope,
    attributes: r.attributes ?? {},
    droppedAttributesCount: r.droppedAttributes ?? 0,
  }))
  return decode('LogsRequest', ProtobufLogsSerializer.serializeRequest(readable as any)!)
}

// proto3 does not distinguish zero from absent; who writes zeros is a matter of taste.
function withoutZeros(value: any): any {
  if (Array.isArray(value)) return value.map(withoutZeros)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([k, v]) => !(v === 0 || (v === '0' && k !== 'intValue')) || k === 'doubleValue')
      .map(([k, v]) => [k, withoutZeros(v)]),
  )
}

test.each(Array.from({ length: 40 }, (_, i) => i))(
  "random records %i decode to what upstream's serializer says",
  seed => {
    const random = new Random(seeded(seed))
    const records = Array.from({ length: 1 + random.int(5) }, (): LogRecordData => {
      const traced = random.chance(0.5)
      return {
        scope,
        timeMs: 1.7e12 + random.int(1e9),
        observedMs: 1.7e12 + random.int(1e9),
        severityNumber: random.int(25),
        severityText: random.pick(['', 'INFO', 'ERROR']),
        body: random.pick([
          random.text(300),
          random.number(),
          { nested: { list: [1, 'a', null] } },
          ['x'],
          true,
        ]),
        attributes: { ...random.attributes(5), map: { deep: random.value() } },
        droppedAttributes: random.int(2),
        eventName: random.pick([undefined, 'app.started']),
        ...(traced ? { traceId: random.hex(32), spanId: random.hex(16), traceFlags: random.int(4) } : {}),
      }
    })
    expect(withoutZeros(ours(records))).toEqual(withoutZeros(upstream(records)))
  },
)

test('a record whose values cannot be read still arrives, and says how much is missing', () => {
  const attributes = {
    fine: 1,
    get bad() {
      throw new Error('no')
    },
    worse: {
      get inner() {
        throw new Error('no')
      },
    },
  }
  const body = new Proxy(
    {},
    {
      ownKeys: () => ['x'],
      getOwnPropertyDescriptor: () => {
        throw new Error('no')
      },
    },
  )
  const [record] = ours([{ scope, observedMs: 1, body, attributes }]).resourceLogs[0].scopeLogs[0].logRecords
  expect(record).toMatchObject({
    attributes: [{ key: 'fine', value: { intValue: '1' } }],
    droppedAttributesCount: 2,
    observedTimeUnixNano: '1000000',
  })
})

test('attributes that cannot even be listed are left out', () => {
  const attributes = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no')
      },
    },
  )
  const [record] = ours([{ scope, observedMs: 1, body: 'hello', attributes }]).resourceLogs[0].scopeLogs[0]
    .logRecords
  expect(record.body).toEqual({ stringValue: 'hello' })
})
