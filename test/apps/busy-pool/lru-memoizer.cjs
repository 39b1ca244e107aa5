// lru-memoizer: calls with one key wait for the first of them, each with a callback of its own.
const memoizer = require('lru-memoizer')
const { trace } = require('@opentelemetry/api')
const { mark, serve } = require('./lib.cjs')

const memoizeWith = memoizer.default ?? memoizer
const tracer = trace.getTracer('work')
const read = memoizeWith({
  load: (_key, callback) => setTimeout(callback, 5, null, 'value'),
  hash: key => key,
  max: 10,
})
let round = 0
serve({
  'calls that wait for one': tag =>
    new Promise((resolve, reject) =>
      // Eight at a time ask for the same.
      read(`key ${Math.floor(round++ / 8)}`, error => {
        if (error) return reject(error)
        mark(tag)
        tracer.startSpan(`work ${tag}`).end()
        resolve()
      }),
    ),
})
