// Real loggers, real lines. The loggers are loaded the way an application loads them and patched by the hooks.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Writable } from 'node:stream'
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { loggingHooks } from './hooks.ts'
import { pinoMixin } from './pino.ts'
import { winstonTraceFormat } from './winston.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const ids = { trace_id: traceId, span_id: spanId, trace_flags: '01' }

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})

const inSpan = <T>(fn: () => T, base = ROOT_CONTEXT): T =>
  context.with(trace.setSpan(base, trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 })), fn)

class Lines extends Writable {
  readonly text: string[] = []
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text.push(chunk.toString())
    done()
  }
  get last(): any {
    return JSON.parse(this.text.at(-1) as string)
  }
}

const hooks = loggingHooks({ requestIdField: 'request_id', baggageKeys: ['tenant'] })
for (const name of ['pino', 'pino-8', 'pino-9']) {
  hooks.modules.find(m => m.name === 'pino')?.patch(require(`${name}/lib/proto`), { version: '0' })
}
hooks.modules
  .find(m => m.name === 'winston')
  ?.patch(require('winston/lib/winston/logger'), {
    version: '3',
    baseDir: dirname(require.resolve('winston/package.json')),
  })
hooks.modules.find(m => m.name === 'bunyan')?.patch(require('bunyan'), { version: '2' })

describe.each(['pino-8', 'pino-9', 'pino'])('%s', name => {
  const pino = require(name)

  test('a line inside a span carries the three fields and a line outside carries none', () => {
    const lines = new Lines()
    const logger = pino(lines)
    inSpan(() => logger.info({ amount: 3 }, 'paid'))
    expect(lines.last).toMatchObject({ ...ids, amount: 3, msg: 'paid' })
    logger.info('idle')
    expect(Object.keys(lines.last)).not.toContain('trace_id')
  })

  test('apart from the added fields the line is the one pino writes without us', () => {
    const lines = new Lines()
    const logger = pino({ base: { app: 'x' }, redact: ['card'], timestamp: () => ',"time":1' }, lines).child({
      module: 'm',
    })
    const write = () => logger.error({ card: '4111', err: new TypeError('no') }, 'failed %s', 'twice')
    write()
    inSpan(write)
    const [bare, traced] = lines.text.map(text => JSON.parse(text))
    const { trace_id, span_id, trace_flags, ...rest } = traced
    expect({ trace_id, span_id, trace_flags }).toEqual(ids)
    expect({ ...rest, err: { ...rest.err, stack: '' } }).toEqual({ ...bare, err: { ...bare.err, stack: '' } })
  })

  test('a field the user sets himself, on the line, in a child or by mixin, wins and appears once', () => {
    const lines = new Lines()
    const own = (logger: any) => inSpan(() => logger.info({}, 'x'))
    inSpan(() => pino(lines).info({ trace_id: 'mine' }))
    expect(lines.last.trace_id).toBe('mine')
    own(pino(lines).child({ trace_id: 'child' }))
    expect(lines.last.trace_id).toBe('child')
    own(pino({ mixin: () => ({ trace_id: 'mixin' }) }, lines))
    expect(lines.last.trace_id).toBe('mixin')
    for (const line of lines.text) expect(line.split('"trace_id"').length).toBe(2)
  })

  test('the mixin and the hooks together write each field once', () => {
    const lines = new Lines()
    const logger = pino({ mixin: pinoMixin() }, lines)
    inSpan(() => logger.info('x'))
    expect(lines.last).toMatchObject(ids)
    expect(lines.text[0]?.split('"trace_id"').length).toBe(2)
  })

  test('a transport in a worker thread writes the fields of the span of the call, one target or several', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pino-'))
    try {
      const files = ['one', 'two', 'three'].map(file => join(folder, file))
      const targets = files.map(destination => ({
        target: 'pino/file',
        level: 'info',
        options: { destination, sync: true },
      }))
      for (const options of [targets[0], { targets: targets.slice(1) }]) {
        const stream = pino.transport(options)
        const logger = pino({ base: null }, stream).child({ part: 'p' })
        inSpan(() => logger.info({ amount: 3 }, 'inside'))
        logger.info('outside')
        stream.end()
        await once(stream, 'close')
      }
      for (const file of files) {
        const [inside, outside] = readFileSync(file, 'utf8')
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line))
        expect(inside).toMatchObject({ ...ids, part: 'p', amount: 3, msg: 'inside' })
        expect(Object.keys(outside)).toEqual(['level', 'time', 'part', 'msg'])
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('with nestedKey the fields stay at the top level, where log stores look for them', () => {
    const lines = new Lines()
    const logger = pino({ nestedKey: 'payload' }, lines)
    inSpan(() => logger.info({ a: 1 }))
    expect(lines.last).toMatchObject({ ...ids, payload: { a: 1 } })
  })
})

test('allowed baggage entries and the inbound request id become fields, other baggage does not', () => {
  const lines = new Lines()
  const logger = require('pino')(lines)
  const baggage = propagation.createBaggage({ tenant: { value: 't1' }, secret: { value: 's' } })
  const base = propagation.setBaggage(
    ROOT_CONTEXT.setValue(Symbol.for('org.otel.request-id'), 'req-9'),
    baggage,
  )
  inSpan(() => logger.info('x'), base)
  expect(lines.last).toMatchObject({ ...ids, 'baggage.tenant': 't1', request_id: 'req-9' })
  expect(lines.text[0]).not.toContain('secret')
})

describe('winston', () => {
  const winston = require('winston')
  const make = (lines: Lines, format = winston.format.json()) =>
    winston.createLogger({ format, transports: [new winston.transports.Stream({ stream: lines })] })

  test('a line inside a span carries the fields, also from a child logger, and the caller’s object is not touched', () => {
    const lines = new Lines()
    const info = Object.freeze({ level: 'info', message: 'frozen', [Symbol.for('level')]: 'info' })
    const renew = winston.format((given: object) => ({ ...given }))
    const logger = make(lines, winston.format.combine(renew(), winston.format.json()))
    inSpan(() => logger.write(info))
    expect(lines.last).toEqual({ level: 'info', message: 'frozen', ...ids })
    const own = { order: 1 }
    inSpan(() => make(lines).child({ part: 'p' }).info('paid', own))
    expect(lines.last).toMatchObject({ ...ids, order: 1, part: 'p', message: 'paid' })
    expect(own).toEqual({ order: 1 })
  })

  test('with plain JSON lines the fields come last, without a second pass over the line, and transports see them', () => {
    const lines = new Lines()
    const seen: unknown[] = []
    const logger = make(lines)
    logger.on('data', (info: Record<string, unknown>) => seen.push(info.trace_id))
    inSpan(() => logger.info('paid', { amount: 3 }))
    expect(lines.text[0]).toBe(
      `{"amount":3,"level":"info","message":"paid","trace_id":"${traceId}","span_id":"${spanId}","trace_flags":"01"}\n`,
    )
    expect(seen).toEqual([traceId])
    inSpan(() => make(lines, winston.format.json({ space: 2 })).info('paid'))
    expect(lines.last).toEqual({ level: 'info', message: 'paid', ...ids })
  })

  test('one info object logged from two spans carries each span in turn', () => {
    const lines = new Lines()
    const logger = make(lines)
    const info = { level: 'info', message: 'again' }
    inSpan(() => logger.log(info))
    logger.log(info)
    expect(JSON.parse(lines.text[0] as string)).toMatchObject(ids)
    expect(lines.last).not.toHaveProperty('trace_id')
  })

  test('the format and the hooks together write each field once', () => {
    const lines = new Lines()
    inSpan(() => make(lines, winston.format.combine(winstonTraceFormat(), winston.format.json())).warn('x'))
    expect(lines.text[0]?.split('"trace_id"').length).toBe(2)
  })

  test('an Error logged as the info keeps its stack for format.errors', () => {
    const lines = new Lines()
    const logger = make(
      lines,
      winston.format.combine(winston.format.errors({ stack: true }), winston.format.json()),
    )
    inSpan(() => logger.log(Object.assign(new RangeError('too far'), { level: 'error' })))
    expect(lines.last).toMatchObject({ ...ids, level: 'error', message: 'too far' })
    expect(lines.last.stack).toMatch(/RangeError: too far/)
  })
})

test('bunyan lines inside a span carry the fields', () => {
  const lines = new Lines()
  const logger = require('bunyan').createLogger({ name: 'b', stream: lines })
  inSpan(() => logger.info({ a: 1 }, 'hi'))
  expect(lines.last).toMatchObject({ ...ids, a: 1, msg: 'hi' })
  logger.info('out')
  expect(lines.last).not.toHaveProperty('trace_id')
})
