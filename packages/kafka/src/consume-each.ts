// Streams have no handler that could be wrapped: this loop gives them one.

import { traceMessage } from './message.ts'
import type { AnyMessage } from './propagate.ts'

export interface ConsumeOptions {
  /** How many messages are processed at the same time; default 1, which keeps their order. */
  concurrency?: number
}

/**
 * Processes every message of a stream, each in a `process` span and context of its own. Resolves when the stream
 * ends. When `fn` fails the stream is closed, running calls finish, and the promise rejects with that very error.
 *
 * @example
 * ```ts
 * import { consumeEach } from '@org/otel-kafka'
 *
 * interface Message { topic: string; value: Buffer; commit(): void | Promise<void> }
 * declare const stream: AsyncIterable<Message>
 * declare function handle(value: Buffer): Promise<void>
 *
 * await consumeEach(stream, async message => {
 *   await handle(message.value)
 *   await message.commit()
 * }, { concurrency: 4 })
 * ```
 */
export async function consumeEach<M>(
  stream: AsyncIterable<M>,
  fn: (message: M) => void | Promise<void>,
  options: ConsumeOptions = {},
): Promise<void> {
  const iterator = stream[Symbol.asyncIterator]()
  const failures: { error: unknown }[] = []
  let done = false
  const work = async () => {
    while (!done) {
      const next = await iterator.next()
      if (next.done) done = true
      // One that arrives after another failed is not processed; Kafka delivers it again.
      if (done) return
      await traceMessage(next.value as M & AnyMessage, {}, () => fn(next.value))
    }
  }
  const workers = Array.from({ length: Math.max(1, Math.trunc(options.concurrency ?? 1)) }, () =>
    work().catch(error => {
      failures.push({ error })
      if (done) return undefined
      done = true
      // Wakes the others, which may wait for a message that never comes.
      return iterator.return?.().then(
        () => undefined,
        () => undefined,
      )
    }),
  )
  await Promise.all(workers)
  const first = failures[0]
  if (first) throw first.error
}
