// Names and shape are configured once, for all loggers: every preset, nested and flat, through every way a field reaches
// a line (text of pino, text and object of winston, record of bunyan, arguments of the console).
import { dirname } from 'node:path'
import { Writable } from 'node:stream'
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { patchConsole } from './console.ts'
import { loggingHooks } from './hooks.ts'
import type { CorrelationOptions } from './options.ts'
import { setDefaultOptions } from './registry.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
afterAll(() => setDefaultOptions({}))

function inRequest<T>(fn: () => T): T {
  const baggage = propagation.createBaggage({ tenant: { value: 't "1"' }, secret: { value: 's' } })
  const base = propagation.setBaggage(
    ROOT_CONTEXT.setValue(Symbol.for('org.otel.request-id'), 'req-9'),
    baggage,
  )
  return context.with(trace.setSpan(base, trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 })), fn)
}

class Lines extends Writable {
  readonly text: string[] = []
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text.push(chunk.toString())
    done()
  }
}

type Speak = (lines: Lines, own?: object) => void
type Load = (patch: (name: string, file: string | undefined, exports: unknown) => void) => Speak

const pino =
  (name: string): Load =>
  patch => {
    patch('pino', 'lib/proto.js', require(`${name}/lib/proto`))
    const library = require(name)
    return (lines, own = {}) =>
      library(lines)
        .child({ part: 'p' })
        .info({ amount: 3, ...own }, 'paid')
  }
const winston =
  (makeFormat: (format: any) => unknown): Load =>
  patch => {
    patch('winston', 'lib/winston/logger.js', require('winston/lib/winston/logger'))
    const library = require('winston')
    return (lines, own = {}) =>
      library
        .createLogger({
          format: makeFormat(library.format),
          transports: [new library.transports.Stream({ stream: lines })],
        })
        .child({ part: 'p' })
        .info('paid', { amount: 3, ...own })
  }
const loggers: [string, Load][] = [
  ['pino 8', pino('pino-8')],
  ['pino 9', pino('pino-9')],
  ['pino 10', pino('pino')],
  ['winston, plain JSON', winston(format => format.json())],
  [
    'winston, a format of its own',
    winston(format => format.printf(({ level, ...rest }: any) => JSON.stringify({ level, ...rest }))),
  ],
  [
    'bunyan',
    patch => {
      const library = require('bunyan')
      patch('bunyan', undefined, library)
      return (lines, own = {}) =>
        library.createLogger({ name: 'b', stream: lines, part: 'p' }).info({ amount: 3, ...own }, 'paid')
    },
  ],
]

const low = BigInt(`0x${traceId.slice(16)}`).toString()
const shapes: [string, CorrelationOptions, Record<string, unknown>][] = [
  ['default', {}, { trace_id: traceId, span_id: spanId, trace_flags: '01' }],
  ['dotted', { preset: 'dotted' }, { 'trace.id': traceId, 'span.id': spanId, 'trace.flags': '01' }],
  ['ecs', { preset: 'ecs' }, { 'trace.id': traceId, 'span.id': spanId }],
  ['datadog', { preset: 'datadog' }, { 'dd.trace_id': low, 'dd.span_id': BigInt(`0x${spanId}`).toString() }],
  [
    'gcp',
    { preset: 'gcp', gcpProject: 'shop' },
    {
      'logging.googleapis.com/trace': `projects/shop/traces/${traceId}`,
      'logging.googleapis.com/spanId': spanId,
      'logging.googleapis.com/trace_sampled': true,
    },
  ],
  [
    'renamed, one left out',
    { fields: { traceId: 'traceId', spanId: 'odd "name"', traceFlags: '' } },
    { traceId, 'odd "name"': spanId },
  ],
  ['nested', { nested: 'otel' }, { otel: { trace_id: traceId, span_id: spanId, trace_flags: '01' } }],
  [
    'nested, with another preset, baggage, the request id and the service',
    {
      preset: 'dotted',
      nested: 'otel',
      baggageKeys: ['tenant', 'absent'],
      requestIdField: 'request_id',
      service: { name: 'shop', version: '1.4' },
    },
    {
      otel: { 'trace.id': traceId, 'span.id': spanId, 'trace.flags': '01' },
      'baggage.tenant': 't "1"',
      request_id: 'req-9',
      'service.name': 'shop',
      'service.version': '1.4',
    },
  ],
]

function open(load: Load, options: CorrelationOptions): Speak {
  let speak: Speak | undefined
  jest.isolateModules(() => {
    const { modules } = loggingHooks(options)
    speak = load((name, file, exports) => {
      modules
        .find(m => m.name === name && m.file === file)!
        .patch(exports, { version: '0', baseDir: dirname(require.resolve(`${name}/package.json`)) })
    })
  })
  return speak!
}

const volatile = /^(?:time|pid|hostname)$/
const read = (text: string | undefined): Record<string, unknown> =>
  Object.fromEntries(Object.entries(JSON.parse(text ?? '{}')).filter(([key]) => !volatile.test(key)))

describe.each(loggers)('%s', (_name, load) => {
  test.each(shapes)('%s: exactly these fields, each once', (_shape, options, expected) => {
    const speak = open(load, options)
    const lines = new Lines()
    context.with(ROOT_CONTEXT, () => speak(lines))
    inRequest(() => speak(lines))
    const [outside, inside] = lines.text
    const { 'service.name': name, 'service.version': version } = expected
    const constant = name === undefined ? {} : { 'service.name': name, 'service.version': version }
    const bare = Object.fromEntries(Object.entries(read(outside)).filter(([key]) => !(key in constant)))
    expect(bare).toMatchObject({ amount: 3, part: 'p' })
    expect(read(outside)).toEqual({ ...bare, ...constant })
    expect(read(inside)).toEqual({ ...bare, ...expected })
    for (const field of Object.keys(expected))
      expect(inside?.split(`${JSON.stringify(field)}:`).length).toBe(2)
    expect(inside).not.toContain('secret')
  })

  test.each(shapes)('%s: a field of the user wins and appears once', (_shape, options, expected) => {
    const speak = open(load, options)
    for (const field of Object.keys(expected)) {
      const lines = new Lines()
      inRequest(() => speak(lines, { [field]: 'mine' }))
      expect(read(lines.text[0])[field]).toBe('mine')
      expect(lines.text[0]?.split(`${JSON.stringify(field)}:`).length).toBe(2)
    }
  })
})

test.each(shapes)(
  'console, %s: a structured line has the fields, appended ids name them',
  (_shape, options, expected) => {
    setDefaultOptions(options)
    for (const mode of ['structured', 'append'] as const) {
      const written: unknown[][] = []
      const target = { log: (...args: unknown[]) => void written.push(args) } as unknown as Console
      patchConsole(target, mode)
      inRequest(() => target.log('paid %d', 7))
      const [first, ...more] = written[0]!
      if (mode === 'structured')
        expect(JSON.parse(String(first))).toEqual({
          level: 'info',
          time: expect.any(String),
          message: 'paid 7',
          ...expected,
        })
      else {
        const text = [first, ...more].join(' ')
        for (const [field, value] of Object.entries(expected)) {
          const pairs = typeof value === 'object' ? Object.entries(value as object) : [[field, value]]
          for (const [key, inner] of pairs)
            expect(text).toContain(typeof value === 'object' ? `${field}.${key}=${inner}` : `${key}=${inner}`)
        }
      }
    }
  },
)
