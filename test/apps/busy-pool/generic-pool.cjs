// generic-pool (the package named in POOL) with two resources; a resource that was destroyed is made again.
const genericPool = require(process.env.POOL)
const { trace } = require('@opentelemetry/api')
const { mark, pause, serve } = require('./lib.cjs')

const isNew = process.env.POOL === 'generic-pool'
let made = 0
const create = async () => ({ id: ++made })
const pool = isNew
  ? genericPool.createPool({ create, destroy: async () => {} }, { max: 2 })
  : new genericPool.Pool({
      name: 'old',
      create: callback => create().then(one => callback(null, one)),
      destroy() {},
      max: 2,
    })
const tracer = trace.getTracer('work')
/** What a request does with its resource. */
const work = async tag => {
  tracer.startSpan(`work ${tag}`).end()
  await pause(2)
}

const newer = {
  acquire: async tag => {
    const resource = await pool.acquire()
    mark(tag)
    await work(tag)
    pool.release(resource)
  },
  use: tag =>
    pool.use(async () => {
      mark(tag)
      await work(tag)
    }),
  'acquire and destroy': async tag => {
    const resource = await pool.acquire()
    mark(tag)
    await work(tag)
    await pool.destroy(resource)
  },
}
const older = {
  'acquire with a callback': tag =>
    new Promise((resolve, reject) => {
      pool.acquire((error, resource) => {
        if (error) return reject(error)
        mark(tag)
        work(tag).then(() => {
          pool.release(resource)
          resolve()
        })
      })
    }),
}
serve(isNew ? newer : older, async () => {
  if (isNew) {
    await pool.drain()
    await pool.clear()
  } else pool.drain(() => pool.destroyAllNow())
})
