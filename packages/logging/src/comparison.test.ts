// Each library over its documented features and over bad input, with and without us, in two copies of it: what is written
// and what is thrown is the same, byte for byte, but for the added fields.
import { EventEmitter } from 'node:events'
import { dirname } from 'node:path'
import { Writable } from 'node:stream'
import { context, type Logger, type LoggerProvider, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { loggingHooks } from './hooks.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const now = 1_790_000_000_000

let sent = 0
const failures: unknown[] = []
const loggerProvider: LoggerProvider = {
  getLogger: (): Logger => ({ enabled: () => true, emit: () => void sent++ }),
}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(now)
})
afterEach(() => {
  jest.restoreAllMocks()
  expect(failures.splice(0)).toEqual([])
})

/** Everything a program writes; some streams are told apart by a mark. */
class Output extends Writable {
  readonly parts: string[] = []
  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.parts.push(String(chunk))
    done()
  }
  marked(mark: string): Writable {
    return new Writable({
      objectMode: true,
      write: (chunk, _encoding, done) => {
        this.parts.push(`${mark}${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}`)
        done()
      },
    })
  }
}

type Program = (library: any, output: Output) => unknown

/** What came of the program: its output, or what it threw. */
async function run(program: Program, library: any): Promise<string> {
  const output = new Output()
  try {
    await program(library, output)
  } catch (error) {
    output.parts.push(`threw ${(error as Error).name}: ${(error as Error).message}`)
  }
  await new Promise(resolve => setImmediate(resolve))
  return output.parts.join('')
}

function load(name: string, patched: boolean, options: object = {}): any {
  let library: unknown
  jest.isolateModules(() => {
    if (patched) {
      const hooks = loggingHooks({
        loggerProvider,
        onFailure: (_where, error) => failures.push(error),
        ...options,
      })
      const base = name.replace(/-\d+$/, '')
      for (const { name: of, file, patch } of hooks.modules) {
        if (of === base && file !== 'lib/transport.js')
          patch(require(file === undefined ? name : `${name}/${file.replace(/\.js$/, '')}`), {
            version: '0',
            baseDir: dirname(require.resolve(`${name}/package.json`)),
          })
      }
    }
    library = require(name)
  })
  return library
}

const inSpan = <T>(fn: () => T): T =>
  context.with(trace.setSpan(ROOT_CONTEXT, trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 })), fn)

/** Takes our three fields out of JSON lines, wherever they stand. */
function withoutFields(text: string): string {
  return text
    .replace(/,?"(?:trace_id":"[0-9a-f]{32}|span_id":"[0-9a-f]{16}|trace_flags":"0[01])"/g, '')
    .replaceAll('{,', '{')
}

async function compare(name: string, program: Program, options: { lines?: boolean } = {}): Promise<void> {
  const bare = await run(program, load(name, false))
  const patched = load(name, true)
  expect(await run(program, patched)).toBe(bare)
  const traced = await inSpan(() => run(program, patched))
  expect(withoutFields(traced)).toBe(bare)
  if (options.lines !== false && /"(?:msg|message)"/.test(bare)) expect(traced).toContain(traceId)
  const unsent = load(name, true, { loggerProvider: undefined })
  expect(withoutFields(await inSpan(() => run(program, unsent)))).toBe(bare)
  const silent = load(name, true, { correlation: false })
  expect(await inSpan(() => run(program, silent))).toBe(bare)
}

/** Made anew for every run, because winston writes to what it is given. */
function makeError(message = 'too far'): Error {
  const error = new RangeError(message, { cause: 'inner' })
  error.stack = `RangeError: ${message}\n    at app.js:1:1`
  return Object.assign(error, { code: 'E_FAR', extra: { n: 1 } })
}

function makeCircular(): object {
  const circular: Record<string, unknown> = { name: 'loop' }
  circular.self = circular
  return circular
}

const hostile: [string, () => unknown][] = [
  ['a circular object', makeCircular],
  ['a BigInt', () => ({ n: 10n })],
  [
    'a getter that throws',
    () => ({
      get boom(): never {
        throw new Error('getter threw')
      },
    }),
  ],
  [
    'a toJSON that throws',
    () => ({
      toJSON() {
        throw new Error('toJSON threw')
      },
    }),
  ],
  ['a frozen object', () => Object.freeze({ a: 1 })],
  ['an object without prototype', () => Object.assign(Object.create(null), { a: 1 })],
  [
    'a proxy',
    () =>
      new Proxy(
        { a: 1 },
        { get: (target, key) => (key === 'a' ? target.a : undefined), ownKeys: () => ['a'] },
      ),
  ],
  ['an error with a circular cause', () => Object.assign(makeError('loop'), { cause: makeCircular() })],
  ['a symbol and a function', () => ({ s: Symbol('s'), f: () => 1 })],
  ['invalid dates and numbers', () => ({ d: new Date(Number.NaN), n: Number.NaN, i: Infinity })],
  ['own trace fields', () => ({ trace_id: 'mine', span_id: 'mine', trace_flags: 'mine' })],
  ['an array', () => [1, 2]],
  ['a Map', () => new Map([['a', 1]])],
  ['null', () => null],
  ['undefined', () => undefined],
  ['a lone surrogate', () => ({ text: '\ud800', '\ud800': 1 })],
  ['a buffer', () => Buffer.from('abc')],
]

describe.each(['pino-8', 'pino-9', 'pino'])('%s', name => {
  const programs: [string, Program][] = [
    [
      'levels and formats of messages',
      (pino, out) => {
        const logger = pino({ level: 'trace' }, out)
        for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
          logger[level]({ n: 1 }, 'm %s %d %j %o %%', 'a', 2, { c: 3 })
        logger.info('only text')
        logger.info({ only: 'object' })
        logger.info()
        logger.silent('x')
      },
    ],
    [
      'errors',
      (pino, out) => {
        const logger = pino(out)
        logger.error(makeError())
        logger.error(makeError(), 'named')
        logger.error({ err: makeError() })
        logger.error({ error: makeError() }, 'other key')
        pino({ errorKey: 'error' }, out).error(makeError())
        pino({ nestedKey: 'p' }, out).error(makeError())
      },
    ],
    [
      'timestamps',
      (pino, out) => {
        pino({ timestamp: false }, out).info({ a: 1 }, 'no time')
        pino({ timestamp: pino.stdTimeFunctions.unixTime }, out).info('unix')
        pino({ timestamp: pino.stdTimeFunctions.isoTime }, out).info('iso')
        pino({ timestamp: () => `,"at":"x"` }, out).info('own')
        pino({ timestamp: false, base: null }, out).info('bare')
        pino({ timestamp: false, base: undefined, formatters: { level: () => ({}) } }, out)
      },
    ],
    [
      'children: bindings, serializers, levels, redaction, prefixes, setBindings',
      (pino, out) => {
        const logger = pino(
          { base: { app: 'a' }, msgPrefix: '[p] ', serializers: { user: (u: any) => u.id } },
          out,
        )
        const child = logger.child(
          { module: 'm', user: { id: 1 } },
          { level: 'debug', serializers: { order: () => 'o' }, redact: ['card'], msgPrefix: '[c] ' },
        )
        child.debug({ order: 1, card: '4111', user: { id: 2 } }, 'child')
        child.child({ deep: { er: 1 } }).info('grandchild')
        child.setBindings({ later: true })
        child.info('after')
        out.parts.push(JSON.stringify(child.bindings()))
      },
    ],
    [
      'formatters, custom levels, message and level keys, nestedKey, depth and edge limits',
      (pino, out) => {
        const formatters = {
          level: (label: string, number: number) => ({ severity: label.toUpperCase(), level: number }),
          bindings: (bindings: object) => ({ ...bindings, more: 1 }),
          log: (object: object) => ({ ...object, logged: true }),
        }
        pino({ formatters }, out).info({ a: 1 }, 'formatted')
        pino({ formatters: { log: () => ({ trace_id: 'own' }) } }, out).info({ a: 1 }, 'own id')
        pino({ customLevels: { audit: 35 }, useOnlyCustomLevels: true, level: 'audit' }, out).audit('who')
        pino({ messageKey: 'message', nestedKey: 'payload' }, out).info({ a: { b: 1 } }, 'nested')
        pino({ nestedKey: 'payload' }, out).info('empty')
        pino({ depthLimit: 1, edgeLimit: 2 }, out).info({ a: { b: { c: 1 } }, d: 1, e: 2 }, 'limited')
      },
    ],
    [
      'redaction in every form',
      (pino, out) => {
        pino({ redact: ['a', 'b.c', 'list[*].d', '*.e'] }, out).info(
          { a: 1, b: { c: 2 }, list: [{ d: 3 }], x: { e: 4 } },
          'r',
        )
        pino({ redact: { paths: ['a'], remove: true } }, out).info({ a: 1, b: 2 }, 'removed')
        pino({ redact: { paths: ['a'], censor: (v: unknown) => `<${typeof v}>` } }, out).info(
          { a: 1 },
          'censored',
        )
      },
    ],
    [
      'mixins and hooks',
      (pino, out) => {
        pino({ mixin: (_o: object, level: number) => ({ mixed: level }) }, out).info({ a: 1 }, 'mixed')
        pino(
          { mixin: () => ({ a: 2 }), mixinMergeStrategy: (o: object, m: object) => ({ ...o, ...m }) },
          out,
        ).info({ a: 1 }, 'merged')
        const logMethod = function (this: any, args: any[], method: any) {
          method.apply(this, ['hooked', ...args])
        }
        pino({ hooks: { logMethod } }, out).info('x')
        pino({ hooks: { streamWrite: (line: string) => line.replace('secret', '******') } }, out).info(
          'secret',
        )
      },
    ],
    [
      'multistream, metadata streams and events',
      (pino, out) => {
        pino(
          { level: 'debug' },
          pino.multistream([{ stream: out.marked('1 ') }, { level: 'error', stream: out.marked('2 ') }]),
        ).error('both')
        const meta: any = out.marked('m ')
        meta[Symbol.for('pino.metadata')] = true
        pino(meta).info({ a: 1 }, 'meta')
        out.parts.push(`${meta.lastLevel} ${meta.lastMsg} ${JSON.stringify(meta.lastObj)} ${meta.lastTime}`)
        const logger = pino(out)
        logger.on('level-change', (label: string) => out.parts.push(label))
        logger.level = 'debug'
        logger.debug('on')
        out.parts.push(
          `${logger.isLevelEnabled('trace')} ${logger instanceof EventEmitter} ${logger.version.length > 0}`,
        )
      },
    ],
    [
      'requests and responses as objects',
      (pino, out) => {
        const request = {
          method: 'GET',
          url: '/',
          headers: { host: 'x' },
          socket: { remoteAddress: 'r', remotePort: 1 },
        }
        pino({ serializers: pino.stdSerializers }, out).info(
          { req: request, res: { statusCode: 200, getHeaders: () => ({}) } },
          'http',
        )
        pino(out).info(request, 'direct')
      },
    ],
    [
      'a serializer, a mixin, a formatter and a stream that throw',
      async (pino, out) => {
        const boom = () => {
          throw new Error('boom')
        }
        const attempts = [
          () => pino({ serializers: { a: boom } }, out).info({ a: 1 }, 'x'),
          () => pino({ mixin: boom }, out).info('x'),
          () => pino({ formatters: { log: boom } }, out).info('x'),
          () => pino({ timestamp: boom }, out).info('x'),
          () => pino({}, { write: boom }).info('x'),
        ]
        for (const attempt of attempts) {
          try {
            attempt()
          } catch (thrown) {
            out.parts.push(`threw ${(thrown as Error).message}`)
          }
        }
      },
    ],
  ]

  test.each(programs)('%s', (_title, program) => compare(name, program))

  test.each(hostile)('%s', (_title, makeValue) =>
    compare(
      name,
      (pino, out) => {
        const value = makeValue()
        pino(out).info(value, 'hostile')
        pino(out).info({ value }, 'inside')
        pino(out).child({ value }).info('bound')
        pino({ redact: ['value.a'] }, out).info({ value }, 'redacted')
      },
      { lines: false },
    ),
  )
})

describe('winston', () => {
  const stream = (winston: any, out: Output, options: object = {}) =>
    new winston.transports.Stream({ stream: out, eol: '\n', ...options })
  const make = (winston: any, out: Output, options: object = {}) =>
    winston.createLogger({ transports: [stream(winston, out)], ...options })

  const programs: [string, Program][] = [
    [
      'levels, splat, objects, strings and errors',
      (winston, out) => {
        const logger = make(winston, out, {
          level: 'silly',
          format: winston.format.combine(winston.format.splat(), winston.format.json()),
        })
        for (const level of Object.keys(winston.config.npm.levels))
          logger.log(level, 'm %s %d', 'a', 2, { meta: 1 })
        logger.info({ message: 'object', a: 1 })
        logger.log({ level: 'warn', message: 'literal', a: 1 })
        logger.error(makeError())
        logger.error('with', makeError())
        logger.error('in meta', { error: makeError() })
        logger.info('two', { a: 1 }, { b: 2 })
        logger.info()
        logger.info(42)
      },
    ],
    [
      'syslog and custom levels, isLevelEnabled, silent',
      (winston, out) => {
        const logger = make(winston, out, { levels: winston.config.syslog.levels, level: 'debug' })
        logger.emerg('x')
        logger.notice('y')
        out.parts.push(String(logger.isLevelEnabled('debug')), String(logger.isDebugEnabled?.()))
        make(winston, out, { levels: { top: 0, audit: 1 }, level: 'audit' }).audit('who')
        make(winston, out, { silent: true }).info('silent')
        make(winston, out).debug('below')
      },
    ],
    [
      'children, default meta and their order of precedence',
      (winston, out) => {
        const logger = make(winston, out, { defaultMeta: { app: 'a', who: 'default' } })
        const child = logger.child({ part: 'p', who: 'child' })
        child.info('one', { who: 'line' })
        child.child({ deep: 1 }).warn('two')
        child.error(makeError())
        logger.info('three')
      },
    ],
    [
      'formats: printf, errors, metadata, label, ms, cli, logstash, simple, pad, align, pretty',
      (winston, out) => {
        const { format } = winston
        const ours = new Set(['trace_id', 'span_id', 'trace_flags'])
        const plain = format.printf((info: any) => {
          const { level, message, ...rest } = info
          return `${level}|${message}|${JSON.stringify(Object.fromEntries(Object.entries(rest).filter(([key]) => !ours.has(key))))}`
        })
        for (const chain of [
          plain,
          format.combine(format.errors({ stack: true }), plain),
          format.combine(format.label({ label: 'l' }), plain),
          format.combine(format.colorize({ all: true }), plain),
          format.combine(format.padLevels(), format.align(), plain),
          format.combine(format.splat(), format.json({ space: 2 })),
          format.combine(format.errors({ stack: true, cause: true }), format.json()),
          format.json({ replacer: (key: string, value: unknown) => (key === 'card' ? '*' : value) }),
        ]) {
          const logger = make(winston, out, { format: chain })
          logger.info('text', { a: 1, card: 2 })
          logger.error(makeError())
          logger.warn('and', makeError())
        }
      },
    ],
    [
      'a format that drops lines, one that returns a new object, one that throws',
      (winston, out) => {
        const { format } = winston
        make(winston, out, { format: format((info: any) => (info.private ? false : info))() }).info('x', {
          private: true,
        })
        const renew = format((info: any) => ({
          ...info,
          message: `${info.message}!`,
          [Symbol.for('level')]: info.level,
        }))
        make(winston, out, { format: format.combine(renew(), format.json()) }).info('new')
        const boom = format(() => {
          throw new Error('boom')
        })
        make(winston, out, { format: boom() }).info('x')
      },
    ],
    [
      'several transports, shared arrays, formats and levels of transports, add and remove',
      (winston, out) => {
        const shared = [
          stream(winston, out.marked('1 ') as any),
          stream(winston, out.marked('2 ') as any, { level: 'error' }),
        ]
        const first = winston.createLogger({ transports: shared })
        const second = winston.createLogger({ transports: shared })
        first.info('a')
        second.error('b')
        out.parts.push(String(shared.length))
        const extra = stream(winston, out.marked('3 ') as any, { format: winston.format.simple() })
        first.add(extra)
        first.warn('c')
        first.remove(extra)
        first.warn('d')
        first.configure({ transports: [stream(winston, out)] })
        first.info('e')
      },
    ],
    [
      'profiling, streams, query-less close, callbacks of events',
      (winston, out) => {
        const logger = make(winston, out)
        logger.on('data', (info: any) => out.parts.push(`data ${info.message}`))
        const timer = logger.startTimer()
        out.parts.push(typeof timer.done)
        logger.write({ level: 'info', message: 'written', [Symbol.for('level')]: 'info' })
        logger.end({ level: 'info', message: 'last', [Symbol.for('level')]: 'info' })
      },
    ],
    [
      'the exception handler’s line',
      (winston, out) => {
        const logger = make(winston, out, {
          transports: [stream(winston, out, { handleExceptions: true })],
          exitOnError: false,
        })
        const { exception, message } = logger.exceptions.getAllInfo(makeError())
        logger.log({ level: 'error', message, exception, handled: true })
        logger.exceptions.unhandle()
      },
    ],
    [
      'what winston shows of itself',
      (winston, out) => {
        const logger = make(winston, out)
        const prototype = Object.getPrototypeOf(Object.getPrototypeOf(logger))
        out.parts.push(
          `${logger.write.name} ${logger.write.length} ${Object.keys(prototype)} ${typeof prototype._transform} ${prototype._transform.length}`,
        )
      },
    ],
  ]
  test.each(programs)('%s', (_title, program) => compare('winston', program))

  test.each(hostile)('%s', (_title, makeValue) =>
    compare('winston', async (winston, out) => {
      const value = makeValue()
      const attempts: ((logger: any) => void)[] = [
        logger => logger.info('hostile', value),
        logger => logger.info('inside', { value }),
        logger => logger.info(value),
        logger => logger.log({ level: 'info', message: 'literal', value }),
        logger => logger.child({ value }).info('bound'),
        logger =>
          logger.write(
            Object.freeze({ level: 'info', message: 'frozen', value, [Symbol.for('level')]: 'info' }),
          ),
      ]
      for (const attempt of attempts) {
        const logger = make(winston, out)
        logger.on('error', (thrown: Error) => out.parts.push(`error ${thrown.message}`))
        try {
          attempt(logger)
        } catch (thrown) {
          out.parts.push(`threw ${(thrown as Error).message}`)
        }
      }
    }),
  )
})

describe('bunyan', () => {
  const programs: [string, Program][] = [
    [
      'levels, formats, errors and fields',
      (bunyan, out) => {
        const logger = bunyan.createLogger({
          name: 'b',
          level: 'trace',
          stream: out,
          serializers: bunyan.stdSerializers,
        })
        for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
          logger[level]({ n: 1 }, 'm %s %d', 'a', 2)
        logger.info('text')
        logger.error(makeError())
        logger.error({ err: makeError() }, 'named')
        logger.info({ only: 1 })
        out.parts.push(String(logger.info()))
      },
    ],
    [
      'children, serializers, raw and several streams',
      (bunyan, out) => {
        const raw = out.marked('raw ')
        const logger = bunyan.createLogger({
          name: 'b',
          serializers: { user: (u: any) => u.id },
          streams: [
            { stream: out },
            { level: 'error', stream: out.marked('2 ') },
            { type: 'raw', stream: raw },
          ],
        })
        logger.child({ part: 'p', user: { id: 1 } }).error({ user: { id: 2 } }, 'x')
        logger.child({ simple: 1 }, true).info('y')
      },
    ],
    [
      'a serializer that throws, frozen fields, a ring buffer',
      (bunyan, out) => {
        const ring = new bunyan.RingBuffer({ limit: 2 })
        const boom = () => {
          throw new Error('boom')
        }
        const logger = bunyan.createLogger({
          name: 'b',
          serializers: { a: boom },
          streams: [{ stream: out }, { type: 'raw', stream: ring }],
        })
        logger.info(Object.freeze({ b: 1 }), 'frozen')
        out.parts.push(JSON.stringify(ring.records))
        jest.spyOn(console, 'error').mockImplementation(() => {})
        jest.spyOn(process.stderr, 'write').mockImplementation(() => true)
        logger.info({ a: 1 }, 'x')
      },
    ],
  ]
  beforeEach(() => {
    jest.useFakeTimers({ now, doNotFake: ['setImmediate', 'nextTick'] })
  })
  afterEach(() => {
    jest.useRealTimers()
  })
  // The stack of bunyan's own complaint about a serializer has lines of the two copies in it.
  const stable: (program: Program) => Program = program => async (library, out) => {
    await program(library, out)
    out.parts.splice(
      0,
      out.parts.length,
      ...out.parts.map(part => part.replace(/\(Error in Bunyan.*?"/s, '"')),
    )
  }
  test.each(programs)('%s', (_title, program) => compare('bunyan', stable(program)))

  test.each(hostile)('%s', (_title, makeValue) =>
    compare(
      'bunyan',
      stable((bunyan, out) => {
        jest.spyOn(process.stderr, 'write').mockImplementation(() => true)
        const value = makeValue()
        const logger = bunyan.createLogger({ name: 'b', stream: out })
        for (const attempt of [() => logger.info(value, 'hostile'), () => logger.info({ value }, 'inside')]) {
          try {
            attempt()
          } catch (thrown) {
            out.parts.push(`threw ${(thrown as Error).message}`)
          }
        }
      }),
    ),
  )
})

test('every line of the programs was also sent', () => {
  expect(sent).toBeGreaterThan(500)
})
