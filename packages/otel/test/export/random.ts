// Random telemetry, from a seeded generator: values of every type an attribute can have, text of every length at which
// a length prefix grows, ids with the high bits set.
import { createTraceState } from '@opentelemetry/api'
import type { EndedSpan, SpanEvent, SpanLink } from '../../src/tracing/ended-span.ts'
import { endedSpan } from './samples.ts'

const alphabets = ['abcXYZ/_-.{}', 'äöüß€', '日本語テキスト', '👩‍🚀🎉', '\u0000\n\t"\\']
const lengths = [
  0, 1, 5, 20, 41, 42, 47, 48, 49, 63, 64, 100, 127, 128, 129, 300, 5000, 16_383, 16_384, 20_000,
]

export class Random {
  private readonly next: () => number

  constructor(next: () => number) {
    this.next = next
  }
  int(below: number): number {
    return Math.floor(this.next() * below)
  }
  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!
  }
  chance(p: number): boolean {
    return this.next() < p
  }
  int32(): number {
    return (this.next() * 4294967296) | 0
  }
  text(maxLength = 20_000): string {
    const length = this.pick(lengths.filter(n => n <= maxLength))
    let out = ''
    const alphabet = [...this.pick(alphabets)]
    while (out.length < length) out += this.pick(alphabet)
    return out
  }
  number(): number {
    return this.pick([
      () => this.int(2),
      () => this.int(128),
      () => 128 + this.int(100_000),
      () => -this.int(100_000),
      () => this.next() * 1e9,
      () => 2 ** 31 + this.int(1000),
      () => Number.MAX_SAFE_INTEGER,
      () => Number.MIN_SAFE_INTEGER,
      () => 2 ** 60,
      () => -(2 ** 63),
      () => 1e300,
      () => Number.NaN,
      () => Number.NEGATIVE_INFINITY,
      () => -0.5,
    ])()
  }
  /** What an attribute may be. */
  value(): any {
    return this.pick([
      () => this.text(300),
      () => this.text(),
      () => this.number(),
      () => this.chance(0.5),
      () => Array.from({ length: this.int(5) }, () => this.text(64)),
      () => Array.from({ length: this.int(40) }, () => this.number()),
      () => [true, false],
    ])()
  }
  attributes(most: number): Record<string, any> {
    const out: Record<string, any> = {}
    for (let i = this.int(most + 1); i > 0; i--) out[`${this.text(129) || 'k'}.${i}`] = this.value()
    return out
  }
  hex(digits: number): string {
    let out = ''
    for (let i = 0; i < digits; i++) out += this.int(16).toString(16)
    return out
  }
  word(): number {
    return this.int(2 ** 32) | 0
  }
  event(): SpanEvent {
    return {
      name: this.text(128),
      timeMs: 1.7e12 + this.int(1e9),
      attributes: this.attributes(4),
      droppedAttributes: this.int(3),
    }
  }
  link(): SpanLink {
    return {
      t0: this.word(),
      t1: this.word(),
      t2: this.word(),
      t3: this.word(),
      s0: this.word(),
      s1: this.word(),
      traceFlags: this.int(4),
      traceState: this.chance(0.3) ? createTraceState('a=1,b=2') : undefined,
      isRemote: this.pick([true, false, undefined]),
      attributes: this.chance(0.5) ? this.attributes(3) : undefined,
      droppedAttributes: this.int(2),
    }
  }
  span(): EndedSpan {
    const start = 1.6e12 + this.int(2e11)
    return endedSpan({
      scope: {
        name: this.pick(['a', 'b', 'http']),
        version: this.pick(['1', undefined]),
        schemaUrl: undefined,
      },
      name: this.text(300),
      kind: this.int(5),
      t0: this.int32(),
      t1: this.int32(),
      t2: this.int32(),
      t3: this.int32() | 1,
      s0: this.int32(),
      s1: this.int32() | 1,
      p0: this.int32(),
      p1: this.int32() | 1,
      hasParent: this.chance(0.5),
      parentIsRemote: this.chance(0.5),
      flags: this.int(4),
      traceState: this.chance(0.2) ? createTraceState('vendor=opaque,x@y=z') : undefined,
      startMs: start,
      endMs: start + this.int(10_000),
      attributes: Object.entries(this.attributes(12)).flat(),
      droppedAttributes: this.int(3),
      events: this.chance(0.4) ? Array.from({ length: this.int(4) }, () => this.event()) : null,
      droppedEvents: this.int(2),
      links: this.chance(0.4) ? Array.from({ length: this.int(4) }, () => this.link()) : null,
      droppedLinks: this.int(2),
      statusCode: this.int(3),
      statusMessage: this.chance(0.5) ? this.text(300) : '',
    })
  }
}

export function idHex(...words: number[]): string {
  return words.map(w => (w >>> 0).toString(16).padStart(8, '0')).join('')
}
