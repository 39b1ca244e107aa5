// What arrives at a LoggerProvider for the lines of real loggers.
import { Writable } from 'node:stream'
import {
  type Context,
  context,
  type Logger,
  type LoggerProvider,
  type LogRecord,
  propagation,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { loggingHooks } from './hooks.ts'
import { setDefaultOptions } from './registry.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'

interface Sent extends LogRecord {
  readonly library: string
  readonly spanId: string | undefined
}

class Collected implements LoggerProvider {
  readonly records: Sent[] = []
  getLogger(library: string): Logger {
    return {
      enabled: () => true,
      emit: record => {
        const span = trace.getSpanContext(record.context ?? context.active())
        this.records.push({ ...record, library, spanId: span?.spanId })
      },
    }
  }
  /** What arrived since the last call. */
  take(): Sent[] {
    return this.records.splice(0)
  }
}

class Lines extends Writable {
  readonly text: string[] = []
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text.push(chunk.toString())
    done()
  }
}

const collected = new Collected()
const elsewhere: string[] = []
const failures: unknown[] = []
const hooks = loggingHooks({
  loggerProvider: collected,
  onShippedElsewhere: (library, transport) => elsewhere.push(`${library} ${transport}`),
  onFailure: (_where, error) => failures.push(error),
})
const patch = (name: string, file: string | undefined, exports: unknown, version: string) =>
  hooks.modules.find(m => m.name === name && m.file === file)?.patch(exports, { version })

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  for (const name of ['pino', 'pino-8', 'pino-9'])
    patch('pino', 'lib/proto.js', require(`${name}/lib/proto`), '0')
  patch('winston', 'lib/winston/logger.js', require('winston/lib/winston/logger'), '3')
  patch('bunyan', undefined, require('bunyan'), '2')
})
beforeEach(() => void collected.take())
afterEach(() => expect(failures).toEqual([]))

const inSpanOf = <T>(base: Context, fn: () => T): T =>
  context.with(trace.setSpan(base, trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 })), fn)
const inSpan = <T>(fn: () => T): T => inSpanOf(ROOT_CONTEXT, fn)

describe.each(['pino-8', 'pino-9', 'pino'])('%s', name => {
  const pino = require(name)

  test('a line becomes a record with typed attributes, the bindings of its children and the span of the call', () => {
    const logger = pino({ name: 'shop' }, new Lines()).child({ module: 'cart', shard: 3 })
    inSpan(() =>
      logger.warn({ amount: 3.5, paid: true, items: ['a', 'b'], to: { city: 'Bern' } }, 'paid %d', 7),
    )
    expect(collected.take()).toEqual([
      {
        library: 'pino',
        spanId,
        timestamp: expect.any(Number),
        severityNumber: 13,
        severityText: 'warn',
        body: 'paid 7',
        attributes: {
          name: 'shop',
          module: 'cart',
          shard: 3,
          amount: 3.5,
          paid: true,
          items: ['a', 'b'],
          to: { city: 'Bern' },
        },
      },
    ])
  })

  test('levels below the threshold are not sent', () => {
    pino({ level: 'warn' }, new Lines()).info('quiet')
    expect(collected.take()).toEqual([])
  })

  test.each([
    [{ redact: ['card', 'user.password'] }, { card: '4111', user: { password: 'x', id: 1 } }],
    [
      { serializers: { card: () => '[hidden]', user: (u: any) => ({ id: u.id }) } },
      { card: '4111', user: { password: 'x', id: 1 } },
    ],
    [
      { formatters: { log: ({ card, ...rest }: any) => ({ ...rest, user: { id: 1 } }) } },
      { card: '4111', user: { password: 'x' } },
    ],
  ])('what the logger hides on the line is hidden in the record: %j', (options, object) => {
    pino(options, new Lines()).info(object, 'checkout')
    const [record] = collected.take()
    expect(record).toMatchObject({
      severityNumber: 9,
      severityText: 'info',
      body: 'checkout',
      attributes: { user: { id: 1 } },
    })
    expect(JSON.stringify(record)).not.toMatch(/4111|"x"/)
    expect(Object.keys(record?.attributes ?? {}).sort()).not.toEqual(expect.arrayContaining(['level']))
    expect(record?.timestamp).toBeGreaterThan(1.7e12)
  })

  test('an error becomes the exception of the record, with or without a message of its own', () => {
    const error = Object.assign(new RangeError('too far'), { limit: 9 })
    const logger = pino(new Lines())
    logger.error(error)
    logger.error({ err: error, order: 1 }, 'failed')
    const [bare, named] = collected.take()
    expect(bare).toMatchObject({ body: 'too far', exception: error, attributes: { err: { limit: 9 } } })
    expect(named).toMatchObject({ body: 'failed', exception: error, attributes: { order: 1 } })
    pino({ redact: ['secret'] }, new Lines()).error({ err: error, secret: 's' }, 'failed')
    expect(collected.take()[0]).toMatchObject({
      exception: { name: 'RangeError', message: 'too far', stack: error.stack },
      attributes: { secret: '[Redacted]', err: { limit: 9 } },
    })
  })

  test.each([
    [{ timestamp: pino.stdTimeFunctions.isoTime }],
    [{ timestamp: pino.stdTimeFunctions.unixTime }],
    [{ timestamp: () => `,"ts":${Date.now()}` }],
    [{ timestamp: pino.stdTimeFunctions.isoTime, redact: ['x'] }],
  ])('the time of the line is the time of the record', options => {
    pino(options, new Lines()).info({ x: 1 }, 'x')
    const [record] = collected.take()
    expect(Math.abs((record?.timestamp as number) - Date.now())).toBeLessThan(2000)
    expect(Object.keys(record?.attributes ?? {})).toEqual(['x'])
  })

  test('without a timestamp the record has none of its own', () => {
    pino({ timestamp: false, base: null }, new Lines()).info('x')
    expect(collected.take()).toEqual([
      {
        library: 'pino',
        spanId: undefined,
        severityNumber: 9,
        severityText: 'info',
        body: 'x',
        attributes: {},
      },
    ])
  })

  test('a custom level keeps its name and falls between its neighbours', () => {
    pino({ customLevels: { audit: 35 } }, new Lines()).audit('who')
    expect(collected.take()[0]).toMatchObject({ severityNumber: 11, severityText: 'audit' })
  })

  test.each([[{}], [{ redact: ['none'] }]])(
    'with nestedKey and own keys the record has the same shape as the line',
    more => {
      pino(
        { nestedKey: 'payload', messageKey: 'message', errorKey: 'error', base: { app: 'a' }, ...more },
        new Lines(),
      ).error({ n: 1, error: new Error('no') }, 'hi')
      expect(collected.take()[0]).toMatchObject({
        body: 'hi',
        attributes: { app: 'a', payload: { n: 1 } },
        exception: { message: 'no' },
      })
    },
  )
})

describe('winston', () => {
  const winston = require('winston')
  const make = (options: object = {}) =>
    winston.createLogger({ transports: [new winston.transports.Stream({ stream: new Lines() })], ...options })

  test('a line becomes a record with typed attributes and the span of the call, also from a child', () => {
    inSpan(() =>
      make({ defaultMeta: { app: 'a' } })
        .child({ part: 'p' })
        .warn('paid', { amount: 3 }),
    )
    expect(collected.take()).toEqual([
      expect.objectContaining({
        library: 'winston',
        spanId,
        severityNumber: 13,
        severityText: 'warn',
        body: 'paid',
        attributes: { app: 'a', part: 'p', amount: 3 },
      }),
    ])
  })

  test('what no transport writes is not sent: levels, silence, and what a format drops', () => {
    make().debug('below')
    make({ silent: true }).error('silent')
    make({ transports: [new winston.transports.Stream({ stream: new Lines(), silent: true })] }).error('x')
    make({ format: winston.format((info: any) => (info.private ? false : info))() }).error('x', {
      private: true,
    })
    expect(collected.take()).toEqual([])
    make({ transports: [new winston.transports.Stream({ stream: new Lines(), level: 'debug' })] }).debug(
      'above',
    )
    expect(collected.take()).toMatchObject([{ severityNumber: 5, body: 'above' }])
  })

  test('what a format of the logger hides is hidden in the record', () => {
    const hide = winston.format((info: any) => ({ ...info, card: '***' }))
    make({
      format: winston.format.combine(hide(), winston.format.colorize({ all: true }), winston.format.json()),
    }).info('pay', {
      card: '4111',
    })
    expect(collected.take()).toMatchObject([
      { body: 'pay', severityText: 'info', attributes: { card: '***' } },
    ])
  })

  test('errors become exceptions in every way winston takes them', () => {
    const error = new RangeError('too far')
    const logger = make({
      format: winston.format.combine(winston.format.errors({ stack: true }), winston.format.json()),
    })
    logger.error(error)
    logger.error('failed', error)
    logger.error('failed', { error, order: 1 })
    logger.log({ level: 'error', message: error })
    const records = collected.take()
    expect(records.map(record => record.exception)).toEqual([error, error, error, error])
    expect(records[2]).toMatchObject({ body: 'failed', attributes: { order: 1 } })
    for (const record of records) expect(record.attributes).not.toHaveProperty('stack')
  })

  test.each([
    ['npm', { error: 17, warn: 13, info: 9, http: 7, verbose: 6, debug: 5, silly: 1 }],
    ['syslog', { emerg: 23, alert: 22, crit: 21, error: 17, warning: 13, notice: 10, info: 9, debug: 5 }],
    [
      'cli',
      {
        error: 17,
        warn: 13,
        help: 11,
        data: 10,
        info: 9,
        debug: 5,
        prompt: 4,
        verbose: 3,
        input: 2,
        silly: 1,
      },
    ],
  ])('severity of the %s levels', (kind, expected) => {
    const { levels } = winston.config[kind]
    const logger = make({ levels, level: Object.keys(levels).at(-1) })
    for (const level of Object.keys(levels)) logger.log(level, 'x')
    expect(Object.fromEntries(collected.take().map(r => [r.severityText, r.severityNumber]))).toEqual(
      expected,
    )
  })

  test('an existing OpenTelemetry transport is not joined by us, and that is said once', () => {
    const Transport = require('winston-transport')
    class OpenTelemetryTransportV3 extends Transport {
      log(_info: unknown, next: () => void) {
        next()
      }
    }
    const logger = make({ transports: [new OpenTelemetryTransportV3()] })
    logger.info('one')
    logger.info('two')
    expect(collected.take()).toEqual([])
    expect(elsewhere.splice(0)).toEqual(['winston OpenTelemetryTransportV3'])
  })
})

test('bunyan records carry their fields, their error and the time of the line', () => {
  const logger = require('bunyan').createLogger({
    name: 'b',
    stream: new Lines(),
    serializers: require('bunyan').stdSerializers,
  })
  inSpan(() => logger.child({ part: 'p' }).error({ err: new RangeError('too far'), n: 1 }, 'failed'))
  expect(collected.take()).toEqual([
    {
      library: 'bunyan',
      spanId,
      timestamp: expect.any(Number),
      severityNumber: 17,
      severityText: 'error',
      body: 'failed',
      attributes: { name: 'b', part: 'p', n: 1 },
      exception: expect.objectContaining({ name: 'RangeError', message: 'too far' }),
    },
  ])
})

test('a bunyan logger with the stream of OpenTelemetry is not joined by us, and that is said once', () => {
  class OpenTelemetryBunyanStream {
    readonly records: object[] = []
    write(record: object) {
      this.records.push(record)
    }
  }
  const stream = new OpenTelemetryBunyanStream()
  const logger = require('bunyan').createLogger({
    name: 'b',
    streams: [{ stream: new Lines() }, { type: 'raw', stream }],
  })
  logger.info('one')
  logger.child({ part: 'p' }).info('two')
  expect(stream.records).toHaveLength(2)
  expect(collected.take()).toEqual([])
  expect([...new Set(elsewhere.splice(0))]).toEqual(['bunyan OpenTelemetryBunyanStream'])
})

test('baggage entries and the request id that are fields of the line are attributes of the record', () => {
  setDefaultOptions({ baggageKeys: ['tenant'], requestIdField: 'request_id' })
  try {
    const baggage = propagation.createBaggage({ tenant: { value: 't1' }, secret: { value: 's' } })
    const base = ROOT_CONTEXT.setValue(Symbol.for('org.otel.request-id'), 'req-9')
    const winston = require('winston')
    const stream = new winston.transports.Stream({ stream: new Lines() })
    const write = {
      pino: () => require('pino')(new Lines()).info('x'),
      winston: () => winston.createLogger({ transports: [stream] }).info('x'),
      bunyan: () => require('bunyan').createLogger({ name: 'b', stream: new Lines() }).info('x'),
    }
    for (const [library, fn] of Object.entries(write)) {
      context.with(propagation.setBaggage(base, baggage), () => inSpanOf(context.active(), fn))
      const [record, ...others] = collected.take()
      expect([library, others, record?.attributes]).toEqual([
        library,
        [],
        expect.objectContaining({ 'baggage.tenant': 't1', request_id: 'req-9' }),
      ])
      expect(record?.attributes).not.toHaveProperty('trace_id')
      expect(JSON.stringify(record)).not.toContain('secret')
    }
  } finally {
    setDefaultOptions({})
  }
})
