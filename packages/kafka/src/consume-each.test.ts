import { Readable } from 'node:stream'
import { consumeEach } from './consume-each.ts'

interface Message {
  n: number
}

/** A stream that hands out what is pushed, and counts what was taken from it. */
function makeStream(): { stream: AsyncIterable<Message> & Readable; put(n: number): void; taken: number[] } {
  const taken: number[] = []
  const stream = new Readable({ objectMode: true, read() {} })
  const read = stream.read.bind(stream)
  stream.read = (...args: []) => {
    const message = read(...args)
    if (message !== null) taken.push(message.n)
    return message
  }
  return { stream: stream as never, put: n => void stream.push({ n }), taken }
}

const soon = () => new Promise(resolve => setTimeout(resolve, 20))

test.each([1, 3, 10])(
  'with concurrency %i a failure rejects at once, without another message',
  async concurrency => {
    const { stream, put, taken } = makeStream()
    const failure = new Error('mine')
    const handled: number[] = []
    const done = consumeEach(
      stream,
      async ({ n }) => {
        handled.push(n)
        await soon()
        throw failure
      },
      { concurrency },
    )
    put(1)
    // No second message comes: what waits for one must not keep the error back.
    await expect(done).rejects.toBe(failure)
    expect(stream.destroyed).toBe(true)
    stream.push({ n: 2 })
    await soon()
    expect([handled, taken]).toEqual([[1], [1]])
  },
)

test('every message that is taken is handled, also when one fails in the middle', async () => {
  const { stream, put, taken } = makeStream()
  const handled: number[] = []
  for (let n = 1; n <= 20; n++) put(n)
  const done = consumeEach(
    stream,
    async ({ n }) => {
      handled.push(n)
      await soon()
      if (n === 4) throw new Error('four')
    },
    { concurrency: 3 },
  )
  await expect(done).rejects.toThrow('four')
  await soon()
  expect(taken).toEqual(handled)
  expect(handled.length).toBeLessThan(9)
})

test('a handler that never settles keeps nobody from hearing of the failure of another', async () => {
  const { stream, put } = makeStream()
  put(1)
  put(2)
  const done = consumeEach(
    stream,
    ({ n }) => (n === 1 ? new Promise<void>(() => {}) : Promise.reject(new Error('two'))),
    {
      concurrency: 2,
    },
  )
  await expect(done).rejects.toThrow('two')
})

test.each([undefined, 0, -1, Number.NaN, 0.5])(
  'concurrency %p keeps the order, one at a time',
  async concurrency => {
    const { stream, put } = makeStream()
    for (let n = 1; n <= 5; n++) put(n)
    stream.push(null)
    let running = 0
    const seen: number[] = []
    await consumeEach(
      stream,
      async ({ n }) => {
        expect(++running).toBe(1)
        await new Promise(setImmediate)
        running--
        seen.push(n)
      },
      { concurrency: concurrency as number },
    )
    expect(seen).toEqual([1, 2, 3, 4, 5])
  },
)

test('the end waits for the calls that are running', async () => {
  const { stream, put } = makeStream()
  put(1)
  put(2)
  stream.push(null)
  let finished = 0
  await consumeEach(stream, () => soon().then(() => void finished++), { concurrency: 5 })
  expect(finished).toBe(2)
})

test('a handler that fails after the end of the stream is an error', async () => {
  const { stream, put } = makeStream()
  put(1)
  stream.push(null)
  const done = consumeEach(stream, () => soon().then(() => Promise.reject(new Error('late'))), {
    concurrency: 2,
  })
  await expect(done).rejects.toThrow('late')
})

test('the error of the stream, and what a handler throws at once, come out', async () => {
  const { stream } = makeStream()
  const done = consumeEach(stream, () => {})
  stream.destroy(new Error('broker gone'))
  await expect(done).rejects.toThrow('broker gone')
  const other = makeStream()
  other.put(1)
  const thrown = consumeEach(other.stream, () => {
    throw new Error('at once')
  })
  await expect(thrown).rejects.toThrow('at once')
  expect(other.stream.destroyed).toBe(true)
})

test('an iterable that is no stream is asked to return', async () => {
  let returned = 0
  const messages = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: { n: 1 } }),
      return: async () => {
        returned++
        return { done: true as const, value: undefined }
      },
    }),
  }
  await expect(consumeEach(messages, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(returned).toBe(1)
})
