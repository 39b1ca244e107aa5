// winston's combined formats: the fields are put into the finished JSON where nothing else looks at them, and into the
// info first where something may. Nobody can tell which of the two it was.
import { dirname } from 'node:path'
import { Writable } from 'node:stream'
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { loggingHooks } from './hooks.ts'
import { findWinstonFormats } from './winston-formats.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const other = { traceId: 'f'.repeat(32), spanId: 'e'.repeat(16), traceFlags: 0 }
const ours = { trace_id: traceId, span_id: 'b7ad6b7169203331', trace_flags: '01' }
const inSpan = <T>(run: () => T, span = { traceId, spanId: ours.span_id, traceFlags: 1 }): T =>
  context.with(trace.setSpanContext(ROOT_CONTEXT, span), run)

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})

const baseDir = dirname(require.resolve('winston/package.json'))

function load(onLoad: (winston: any) => void = () => {}) {
  // A copy of winston of its own, until the next one is loaded.
  jest.resetModules()
  const winston = require('winston')
  onLoad(winston)
  const hooks = loggingHooks()
  const { patch } = hooks.modules.find(({ name }) => name === 'winston')!
  patch(require('winston/lib/winston/logger'), { version: '3', baseDir })
  const lines: string[] = []
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk).trimEnd())
      done()
    },
  })
  const make = (format: unknown) =>
    winston.createLogger({
      ...(format !== undefined && { format }),
      transports: [new winston.transports.Stream({ stream, eol: '\n' })],
    })
  return { winston, format: winston.format, make, lines, stop: () => hooks.stop() }
}

const chains: [string, (format: any) => unknown][] = [
  ['json', format => format.json()],
  ['timestamp, json', format => format.combine(format.timestamp(), format.json())],
  [
    'timestamp, errors, json',
    format => format.combine(format.timestamp(), format.errors({ stack: true }), format.json()),
  ],
  [
    'errors, splat, timestamp, label, json',
    format =>
      format.combine(
        format.errors({ stack: true, cause: true }),
        format.splat(),
        format.timestamp({ format: 'YYYY' }),
        format.label({ label: 'shop' }),
        format.json(),
      ),
  ],
  [
    'a combination in a combination',
    format => format.combine(format.combine(format.timestamp(), format.splat()), format.json()),
  ],
  ['an alias', format => format.combine(format.timestamp({ alias: 'trace_id' }), format.json())],
  ['json with options', format => format.combine(format.timestamp(), format.json({ space: 1 }))],
  [
    'metadata, which gathers all fields',
    format => format.combine(format.timestamp(), format.metadata(), format.json()),
  ],
  [
    'a format of the application that reads everything',
    format =>
      format.combine(format((info: any) => ({ ...info, keys: Object.keys(info).length }))(), format.json()),
  ],
  [
    'printf with the rest',
    format =>
      format.combine(
        format.timestamp({ format: 'YYYY' }),
        format.printf(({ timestamp, level, message, ...rest }: any) => JSON.stringify({ timestamp, rest })),
      ),
  ],
]

const calls: [string, (logger: any) => void][] = [
  ['a text', logger => logger.info('paid')],
  ['a text and fields', logger => logger.info('paid', { order: 42, when: new Date(0) })],
  ['placeholders', logger => logger.info('paid %s', 'twice', { order: 42 })],
  ['an object', logger => logger.info({ message: 'paid', order: 42 })],
  ['an error', logger => logger.error(Object.assign(new Error('no funds'), { stack: 's', code: 7 }))],
  [
    'an error as a field',
    logger => logger.error('failed', Object.assign(new Error('no funds'), { stack: 's' })),
  ],
  [
    'an error with a field of ours',
    logger => logger.error({ message: Object.assign(new Error('x'), { stack: 's', trace_id: 'mine' }) }),
  ],
  ['a field of ours', logger => logger.info('paid', { trace_id: 'mine' })],
  ['a field of ours in the rest', logger => logger.info('paid %s', 'x', { span_id: 'mine' })],
  ['toJSON', logger => logger.info('paid', { toJSON: () => ({ other: 1 }) })],
  ['a child', logger => logger.child({ part: 'p' }).info('paid', { order: 42 })],
]

const sorted = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}

describe.each(chains)('%s', (_name, makeFormat) => {
  test.each(calls)('%s: the same line whether the fields are put in early or late', (_call, write) => {
    jest.useFakeTimers({ now: 0, doNotFake: ['nextTick', 'setImmediate'] })
    try {
      const late = load()
      inSpan(() => write(late.make(makeFormat(late.format))))
      // An own `transform` is one we know nothing of: its fields are put in first.
      const early = load()
      const unknown = makeFormat(early.format) as any
      const { transform } = unknown
      Object.defineProperty(unknown, 'transform', { value: transform, enumerable: false })
      inSpan(() => write(early.make(unknown)))
      expect(late.lines.length).toBe(1)
      expect(late.lines.map(sorted)).toEqual(early.lines.map(sorted))
      expect([...late.lines[0]!].sort()).toEqual([...early.lines[0]!].sort())
    } finally {
      jest.useRealTimers()
    }
  })
})

test.each(chains.slice(0, 5))('%s: the fields are put into the finished JSON', (_name, makeFormat) => {
  const { format, make, lines } = load()
  inSpan(() => make(makeFormat(format)).info('paid', { order: 42, zip: '1010' }))
  expect(lines[0]).toMatch(/"zip":"1010","trace_id":"\w+","span_id":"\w+","trace_flags":"01"}$/)
})

test('a combination that ends in JSON is known, one with a reader in it is not', () => {
  const { format } = load()
  const formats = findWinstonFormats(baseDir)!
  const { combine, timestamp, json, printf, metadata, errors } = require(
    require.resolve('logform', { paths: [baseDir] }),
  ).format
  try {
    expect(formats.isJson(combine(timestamp(), errors(), json()))).toBe(true)
    expect(formats.isJson(json())).toBe(true)
    expect(formats.isJson(json({ space: 2 }))).toBe(false)
    expect(formats.isJson(combine(timestamp(), metadata(), json()))).toBe(false)
    expect(formats.isJson(combine(timestamp(), printf(String)))).toBe(false)
    expect(formats.isJson(combine(timestamp({ alias: 'trace_id' }), json()))).toBe(false)
    expect(formats.isJson(combine())).toBe(false)
    expect(formats.isJson(Object.assign(combine(json()), { transform: (info: object) => info }))).toBe(false)
    expect(formats.isJson(undefined)).toBe(false)
    expect(typeof format.combine).toBe('function')
  } finally {
    formats.detach()
  }
})

test('winston.format.combine looks as before, and is given back', () => {
  let original: any
  const { format, stop } = load(winston => {
    original = winston.format.combine
  })
  expect(format.combine).not.toBe(original)
  expect([format.combine.name, format.combine.length]).toEqual([original.name, original.length])
  expect(format.combine.cascade).toBe(original.cascade)
  expect(() => format.combine({})).toThrow(/No transform function found/)
  stop()
  expect(format.combine).toBe(original)
})

test('a combination made before us has the fields too', () => {
  let format: any
  const { make, lines } = load(winston => {
    format = winston.format.combine(winston.format.timestamp(), winston.format.json())
  })
  inSpan(() => make(format).info('paid', { order: 42 }))
  expect(JSON.parse(lines[0]!)).toMatchObject({ ...ours, order: 42, message: 'paid' })
})

test.each(chains.slice(0, 3))(
  '%s: what the caller gave is his, and has no fields of ours afterwards',
  (_name, makeFormat) => {
    const { format, make, lines } = load()
    const logger = make(makeFormat(format))
    const meta = { order: 42 }
    const literal = { level: 'info', message: 'paid' }
    const withSplat = { level: 'info', message: 'paid', [Symbol.for('splat')]: [1] }
    inSpan(() => {
      logger.info('paid', meta)
      logger.log(literal)
      logger.log(withSplat)
    })
    for (const given of [meta, literal, withSplat]) expect(Object.keys(given)).not.toContain('trace_id')
    inSpan(() => logger.log(withSplat), other)
    const ids = lines.map(line => JSON.parse(line).trace_id)
    expect(ids).toEqual([traceId, traceId, traceId, other.traceId])
  },
)

test('a line logged by a getter of another has its own fields, and its object stays as it was', () => {
  const { make, lines } = load()
  const logger = make(undefined)
  const inner = { message: 'inner' }
  const meta = {
    get order() {
      logger.info(inner)
      return 42
    },
  }
  inSpan(() => logger.info('outer', meta))
  expect(inner).not.toHaveProperty('trace_id')
  expect(lines.map(line => JSON.parse(line))).toEqual([
    { ...ours, level: 'info', message: 'inner' },
    { ...ours, level: 'info', message: 'outer', order: 42 },
  ])
})

test('a format that logs, itself or what it makes of the time, disturbs no line', () => {
  const { format, make, lines } = load()
  const inner = make(format.combine(format.timestamp({ format: () => 'now' }), format.json()))
  const time = () => {
    inner.info('inner', { order: 1 })
    return 'then'
  }
  const outer = make(format.combine(format.timestamp({ format: time }), format.json()))
  inSpan(() => outer.info('outer', { order: 2 }))
  expect(lines.map(line => JSON.parse(line))).toEqual([
    { ...ours, level: 'info', message: 'inner', order: 1, timestamp: 'now' },
    { ...ours, level: 'info', message: 'outer', order: 2, timestamp: 'then' },
  ])
})

test('lines that wait for a slow transport have the fields of the span they were logged in', async () => {
  const { winston, format } = load()
  const lines: string[] = []
  const slow = new Writable({
    objectMode: true,
    highWaterMark: 1,
    write: (info, _encoding, done) => {
      lines.push(info[Symbol.for('message')])
      setImmediate(done)
    },
  })
  const logger = winston.createLogger({ format: format.combine(format.timestamp(), format.json()) })
  logger.pipe(slow)
  for (let i = 0; i < 60; i++)
    inSpan(() => logger.info('x', { i }), { ...other, spanId: String(i).padStart(16, '1') })
  while (lines.length < 60) await new Promise(resolve => setImmediate(resolve))
  const shown = lines.map(line => JSON.parse(line)).map(({ i, span_id }) => [i, span_id])
  expect(shown).toEqual(Array.from({ length: 60 }, (_, i) => [i, String(i).padStart(16, '1')]))
})

test('a transport is given the fields with the info, as they are in the line', () => {
  const { winston, format } = load()
  const seen: any[] = []
  class Keeper extends require('winston-transport') {
    log(info: any, next: () => void) {
      seen.push({ ...info })
      next()
    }
  }
  const logger = winston.createLogger({
    format: format.combine(format.timestamp(), format.json()),
    transports: [new Keeper()],
  })
  inSpan(() => logger.info('paid', { order: 42 }))
  expect(seen).toEqual([expect.objectContaining({ ...ours, order: 42 })])
})
