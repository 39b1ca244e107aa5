// A service that ends in the middle of its work. GET /waiting is never answered and has a span of its own open; GET /end
// brings the end about in the way that was asked for.
const { EventEmitter } = require('node:events')
const http = require('node:http')
const { trace, SpanStatusCode } = require('@opentelemetry/api')

const way = process.argv[2]
const tracer = trace.getTracer('app')
const boom = () => Object.assign(new RangeError('boom'), { code: 'E_BOOM' })
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const later = fn => setTimeout(fn, 5)

const ends = {
  'throws at once': () => {
    throw boom()
  },
  'throws in a callback': () =>
    later(() => {
      throw boom()
    }),
  'throws in a nested span': () =>
    later(() =>
      tracer.startActiveSpan('nested', () => {
        throw boom()
      }),
    ),
  'throws in a span of a handler at once': () =>
    tracer.startActiveSpan('nested', () => {
      throw boom()
    }),
  'throws after a nested span has ended': () =>
    tracer.startActiveSpan('nested', async span => {
      await pause(5)
      span.end()
      throw boom()
    }),
  'throws in a microtask': () =>
    queueMicrotask(() => {
      throw boom()
    }),
  'emits an error nobody listens to': () => later(() => new EventEmitter().emit('error', boom())),
  'throws a text': () =>
    later(() => {
      throw 'boom'
    }),
  'throws an error that cannot be read': () =>
    later(() => {
      throw new Proxy(new Error('boom'), {
        get(target, key) {
          if (key === 'code' || key === 'name') throw new Error('no')
          return Reflect.get(target, key)
        },
      })
    }),
  'throws after it said all is well': () => {
    trace.getActiveSpan()?.setStatus({ code: SpanStatusCode.OK })
    later(() => {
      throw boom()
    })
  },
  'rejects at once': async () => {
    throw boom()
  },
  'rejects after a pause': async () => {
    await pause(5)
    throw boom()
  },
  'rejects with a text': () => later(() => Promise.reject('boom')),
  exits: () => process.exit(3),
  'exits with 0 after a pause': async () => {
    await pause(5)
    process.exit(0)
  },
  'handles and exits at once': () =>
    later(() => {
      throw boom()
    }),
  'handles and exits later': () =>
    later(() => {
      throw boom()
    }),
  'handles and goes on': (_, response) =>
    later(() => {
      later(() => response.end('fine'))
      throw boom()
    }),
  'stops telemetry': async () => {
    await globalThis[Symbol.for('org.otel')]?.handle.stop()
    process.exit(4)
  },
  'is ended by a signal': () => {},
  'drains and exits': () => {},
}
if (way === 'handles and exits at once') process.on('uncaughtException', () => process.exit(9))
if (way === 'handles and exits later')
  process.on('uncaughtException', () => setTimeout(() => process.exit(9), 50))
if (way === 'handles and goes on') process.on('uncaughtException', () => {})
if (way === 'drains and exits') process.on('SIGTERM', () => setTimeout(() => process.exit(7), 50))

if (way === 'ends naturally') {
  tracer.startActiveSpan('job', () => {
    tracer.startSpan('step')
    process.stdout.write('ready\n')
  })
} else {
  http
    .createServer((request, response) => {
      if (request.url === '/waiting') {
        tracer.startSpan('query')
        process.stdout.write('waiting\n')
      } else if (request.url === '/end') {
        process.stdout.write('ending\n')
        return ends[way](request, response)
      } else response.end('ok')
    })
    .listen(0, '127.0.0.1', function () {
      process.stdout.write(`listening ${this.address().port}\n`)
    })
}
