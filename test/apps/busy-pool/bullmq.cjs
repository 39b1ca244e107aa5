// BullMQ over ioredis: jobs are added by requests and done by workers of the same process.
const { Queue, Worker } = require('bullmq')
const { mark, serve } = require('./lib.cjs')

const { hostname, port } = new URL(process.env.SERVER_URL)
const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null }
/** Tag -> who waits for the job with it. */
const expected = new Map()
// Made at the start, as services do: what a worker does has the context in which it was made.
const worker = new Worker(
  'busy',
  async ({ name }) => {
    // BullMQ carries no context: a job is nobody's.
    mark(name, 'nobody')
  },
  { connection, concurrency: 2 },
)
worker.on('completed', ({ name }) => {
  mark(name, 'nobody')
  expected.get(name)?.()
})
let queue
function open() {
  queue ??= new Queue('busy', { connection })
  return queue
}
serve(
  {
    'add and a worker': async tag => {
      const done = new Promise(resolve => expected.set(tag, resolve))
      await open().add(tag, { n: 1 })
      mark(tag)
      await done
    },
  },
  async () => {
    await worker.close()
    await queue.close()
  },
)
