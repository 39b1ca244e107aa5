// dataloader: the keys of many requests are read in one batch, which has the context of none of them.
const DataLoader = require('dataloader')
const { trace } = require('@opentelemetry/api')
const { mark, pause, serve } = require('./lib.cjs')

const tracer = trace.getTracer('work')
const load = async keys => {
  await pause(2)
  return keys.map(String)
}
const shared = new DataLoader(load, { batchScheduleFn: callback => setTimeout(callback, 3) })

serve({
  'load of a loader per request': async tag => {
    const own = new DataLoader(async keys => {
      mark(tag)
      tracer.startSpan(`read ${tag}`).end()
      return load(keys)
    })
    await Promise.all([own.load(`${tag}a`), own.load(`${tag}b`)])
  },
  'load of a shared loader': async tag => {
    await shared.load(tag)
    tracer.startSpan(`read ${tag}`).end()
  },
})
