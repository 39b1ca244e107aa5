import { promisify } from 'node:util'
import {
  InstrumentationBase,
  InstrumentationNodeModuleDefinition,
  isWrapped,
  registerInstrumentations,
  safeExecuteInTheMiddle,
  safeExecuteInTheMiddleAsync,
  semconvStabilityFromStr,
  setProviders,
} from './instrumentation-base.ts'

const upstream = require('@opentelemetry/instrumentation')

class Sample extends InstrumentationBase {
  calls: string[] | undefined
  constructor(config = {}) {
    super('sample', '1.2.3', config)
  }
  override init() {
    return new InstrumentationNodeModuleDefinition('sample', ['*'])
  }
}

describe('the base of instrumentations', () => {
  it('exports everything that upstream exports', () => {
    expect(Object.keys(require('./instrumentation-base.ts'))).toEqual(
      expect.arrayContaining(Object.keys(upstream)),
    )
  })

  it('asks for tracer, meter and logger when they are used and not before', () => {
    const asked: string[] = []
    const provider = (kind: string) => () => {
      asked.push(kind)
      return { [`get${kind}`]: (name: string, version: string) => ({ name, version }) } as any
    }
    setProviders({
      tracerProvider: provider('Tracer'),
      meterProvider: provider('Meter'),
      loggerProvider: provider('Logger'),
    })
    const sample = new Sample()
    expect(asked).toEqual([])
    expect(sample.tracer).toEqual({ name: 'sample', version: '1.2.3' })
    expect(sample.tracer).toBe(sample.tracer)
    void sample.meter
    void sample.logger
    expect(asked).toEqual(['Tracer', 'Meter', 'Logger'])
  })

  it('prefers the provider it was given', () => {
    const sample = new Sample()
    sample.setTracerProvider({ getTracer: () => 'mine' } as any)
    expect(sample.tracer).toBe('mine')
  })

  it('is enabled unless its options say otherwise', () => {
    expect(new Sample().isEnabled()).toBe(true)
    const off = new Sample({ enabled: false })
    expect(off.isEnabled()).toBe(false)
    const stop = registerInstrumentations({ instrumentations: [[off as any]] })
    expect(off.isEnabled()).toBe(true)
    stop()
    expect(off.isEnabled()).toBe(false)
  })

  it('leaves name, length, statics and promisified form of a wrapped function as they were', async () => {
    const sample = new Sample()
    function connect(_host: string, _port: number, done: (error: null, text: string) => void) {
      done(null, 'callback')
    }
    connect.attempts = 3
    Object.defineProperty(connect, promisify.custom, { value: async () => 'promise' })
    const library = { connect }
    sample._wrap(
      library,
      'connect',
      original =>
        function (this: unknown, ...args) {
          return original.apply(this, args)
        },
    )
    expect(isWrapped(library.connect)).toBe(true)
    expect(library.connect).not.toBe(connect)
    expect(library.connect.name).toBe('connect')
    expect(library.connect).toHaveLength(3)
    expect(library.connect.attempts).toBe(3)
    expect(await promisify(library.connect)('h', 1)).toBe('promise')
    sample._unwrap(library, 'connect')
    expect(library.connect).toBe(connect)
  })

  it('wraps once: a second wrapper replaces the first', () => {
    const sample = new Sample()
    const library = { hello: () => 'hello' }
    for (const prefix of ['a', 'b']) sample._wrap(library, 'hello', original => () => prefix + original())
    expect(library.hello()).toBe('bhello')
  })

  it('wraps an inherited method on the object itself', () => {
    const sample = new Sample()
    class Base {
      hello() {
        return 'base'
      }
    }
    const one = new Base()
    sample._wrap(one, 'hello', original => () => `wrapped ${original()}`)
    expect(one.hello()).toBe('wrapped base')
    expect(new Base().hello()).toBe('base')
  })

  it('sets exports of an ES module through its proxy, and takes them back', () => {
    const sample = new Sample()
    const exports: Record<string, unknown> = { hello: () => 'hello' }
    const namespace = new Proxy(exports, {
      defineProperty(target, key, descriptor) {
        if (!('value' in descriptor)) throw new Error('Getters/setters are not supported')
        target[key as string] = descriptor.value
        return true
      },
    }) as { hello(): string }
    sample._wrap(namespace, 'hello', original => () => `wrapped ${original()}`)
    expect(namespace.hello()).toBe('wrapped hello')
    sample._unwrap(namespace, 'hello')
    expect(namespace.hello()).toBe('hello')
  })

  it('ignores what is not there', () => {
    const sample = new Sample()
    const library = { version: '1' }
    expect(sample._wrap(library, 'missing', () => () => 0)).toBeUndefined()
    expect(sample._wrap(library, 'version', () => () => 0)).toBeUndefined()
    expect(() => sample._unwrap(library, 'missing')).not.toThrow()
    expect(library).toEqual({ version: '1' })
  })

  it('hands on results and errors, also falsy ones', async () => {
    const seen: unknown[] = []
    expect(
      safeExecuteInTheMiddle(
        () => 1,
        (_error, result) => void seen.push(result),
      ),
    ).toBe(1)
    const fail = () => {
      throw 0
    }
    expect(() => safeExecuteInTheMiddle(fail, error => void seen.push(error))).toThrow()
    expect(safeExecuteInTheMiddle(fail, () => {}, true)).toBeUndefined()
    await expect(
      safeExecuteInTheMiddleAsync(
        async () => fail(),
        () => {},
      ),
    ).rejects.toBe(0)
    expect(
      await safeExecuteInTheMiddleAsync(
        async () => 2,
        async () => {},
      ),
    ).toBe(2)
    expect(seen).toEqual([1, 0])
  })

  it.each(['', 'http', 'http/dup', 'HTTP , database', 'database', undefined])(
    'reads stability %p as upstream does',
    text => {
      for (const namespace of ['http', 'database'])
        expect(semconvStabilityFromStr(namespace, text)).toBe(
          upstream.semconvStabilityFromStr(namespace, text),
        )
    },
  )
})
