// Thousands of different spans through a collector that misbehaves at random: every attribute of every span arrives
// unharmed exactly as often as the account says, although request buffers are reused underneath.
import { Collector, until } from '../../test/export/collector.ts'
import { idHex, Random } from '../../test/export/random.ts'
import { endedSpan, exportConfig, seeded } from '../../test/export/samples.ts'
import type { Protocol } from '../config/config.ts'
import { swallowedCount } from '../self/guard.ts'
import { setLogLevel } from '../self/log.ts'
import { createExport } from './export.ts'

beforeAll(() => setLogLevel('none'))

test.each<[Protocol, 'http' | 'grpc', 'gzip' | 'none']>([
  ['http/protobuf', 'http', 'gzip'],
  ['http/protobuf', 'http', 'none'],
  ['grpc', 'grpc', 'gzip'],
  ['grpc', 'grpc', 'none'],
])(
  '%s through %s with %s',
  async (protocol, kind, compression) => {
    const random = new Random(seeded(11))
    const c = await Collector.start(kind)
    c.reply = ({ itemNames }, i) => {
      if (i % 7 === 3) return 'reset'
      if (i % 11 === 5)
        return kind === 'http' ? { status: 503, headers: { 'retry-after': '0' } } : { grpcStatus: 14 }
      if (itemNames.length > 300 && i % 5 === 1) {
        return kind === 'http'
          ? { status: 413 }
          : { grpcStatus: 8, grpcMessage: 'message too large', trailersOnly: true }
      }
      return 'ok'
    }
    const e = createExport(exportConfig({ protocol, port: c.port, otlp: { compression } }))
    const balanced = () => {
      const [l] = e.account.lines()
      const dropped = Object.values(l!.dropped).reduce((a, b) => a + b, 0)
      expect(l!.created).toBe(l!.exported + dropped + l!.pending)
      return l!
    }
    const sent = new Map<string, string>()
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 500; i++) {
        const words = [random.int32(), random.int32()] as const
        const text = random.text(300)
        e.spans.add(
          endedSpan({
            name: `s${sent.size}`,
            s0: words[0],
            s1: words[1],
            attributes: ['text', text, 'n', sent.size],
          }),
        )
        sent.set(idHex(...words), text)
      }
      balanced()
      if (round % 3 === 0) await e.flush(300)
      balanced()
    }
    await until(() => balanced().pending === 0, 'nothing is pending', 30_000)
    await until(() => balanced().exported === sent.size, 'all are exported')
    const received = new Map<string, string>()
    for (const { message } of c.accepted) {
      for (const span of message.resourceSpans[0].scopeSpans[0].spans) {
        received.set(span.spanId, span.attributes[0].value.stringValue ?? '')
      }
    }
    expect(received).toEqual(sent)
    expect(e.account.bufferedBytes()).toBe(0)
    const [duration] = e.account.durations.collect()
    expect(duration!.count).toBeGreaterThan(0)
    expect(swallowedCount()).toBe(0)
    await e.shutdown(100)
    await c.stop()
  },
  60_000,
)
