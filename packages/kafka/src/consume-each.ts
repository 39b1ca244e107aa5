// Streams have no handler that could be wrapped: this loop gives them one.
import { context } from '@opentelemetry/api'
import { traceMessage } from './message.ts'
import type { AnyMessage } from './propagate.ts'

export interface ConsumeOptions {
  /** How many messages are processed at the same time; default 1, which keeps their order. */
  concurrency?: number
}

/**
 * Processes every message of a stream, each in a `process` span and context of its own. Resolves when the stream ends
 * and all calls have settled.
 *
 * The first call that fails ends it: the promise rejects with that very error at once, the stream is closed, and no
 * further message is taken from it. Calls that are running go on by themselves; their messages are not lost, because
 * what was not committed is delivered again.
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
export function consumeEach<M>(
  stream: AsyncIterable<M>,
  fn: (message: M) => void | Promise<void>,
  options: ConsumeOptions = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const consumption = new Consumption(stream, fn, options, resolve, reject)
    consumption.pull()
  })
}

/** One stream being consumed. It asks for one message at a time, and only when it has room for it. */
class Consumption<M> {
  private readonly stream: AsyncIterable<M>
  private readonly iterator: AsyncIterator<M>
  private readonly fn: (message: M) => void | Promise<void>
  private readonly concurrency: number
  private readonly resolve: () => void
  private readonly reject: (error: unknown) => void
  /** Where the caller is: what a finished call starts does not belong to that call's message. */
  private readonly caller = context.active()
  private running = 0
  private isPulling = false
  private isOver = false

  constructor(
    stream: AsyncIterable<M>,
    fn: (message: M) => void | Promise<void>,
    options: ConsumeOptions,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.stream = stream
    this.iterator = stream[Symbol.asyncIterator]()
    this.fn = fn
    // `NaN` and less than one are one.
    this.concurrency = Math.max(1, Math.trunc(options.concurrency ?? 1) || 1)
    this.resolve = resolve
    this.reject = reject
  }

  pull(): void {
    if (this.isPulling || this.isOver || this.running >= this.concurrency) return
    this.isPulling = true
    context.with(this.caller, () =>
      this.iterator.next().then(
        step => {
          this.isPulling = false
          if (this.isOver) return
          if (step.done) return this.end()
          this.process(step.value)
          this.pull()
        },
        error => this.fail(error),
      ),
    )
  }

  private process(message: M): void {
    this.running++
    const done = () => {
      this.running--
      this.pull()
      if (this.isOver && this.running === 0) this.resolve()
    }
    try {
      const result = traceMessage(message as M & AnyMessage, {}, () => this.fn(message))
      Promise.resolve(result).then(done, error => this.fail(error))
    } catch (error) {
      this.fail(error)
    }
  }

  private end(): void {
    this.isOver = true
    if (this.running === 0) this.resolve()
  }

  private fail(error: unknown): void {
    // Of several failures the first counts; after the end of the stream there is nothing left to close.
    const isOpen = !this.isOver
    this.isOver = true
    this.reject(error)
    if (isOpen) this.close()
  }

  /**
   * A Node stream is destroyed: its iterator would wait for the next message before it closes, and take it. Other
   * iterators can only be asked.
   */
  private close(): void {
    const { destroy } = this.stream as { destroy?: () => unknown }
    try {
      if (typeof destroy === 'function') destroy.call(this.stream)
      else this.iterator.return?.().then(undefined, () => {})
    } catch {
      // The caller has the error that matters.
    }
  }
}
