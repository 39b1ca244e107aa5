// Uses of a client that leave something out, named once: silence would look like a fault of ours, or like nothing to see.
import { sayOnce } from './guard.ts'
import { registry } from './registry.ts'

/** A message that nobody has begun to process by then never gets a span. */
const patienceMs = 1000

const reminded = new WeakSet<object>()

/**
 * For a message that left a stream where no wrapper of ours can see its processing begin and end (`for await`, `pipe`):
 * unless `traceMessage` and the like are called for it soon, one line says what to use. Asked for the first message of
 * a stream only.
 */
export function remindOfSpans(stream: object, message: unknown, how: string): void {
  if (reminded.has(stream) || message === null || typeof message !== 'object') return
  reminded.add(stream)
  const timer = setTimeout(() => {
    if (registry.handled?.has(message)) return
    sayOnce(
      'warn',
      `ORG_OTEL_KAFKA_NO_PROCESS_SPAN messages that leave a stream by ${how} have no process span, because their processing cannot be seen; use consumeEach(stream, fn) or traceMessage(message, {}, fn) of @org/otel-kafka`,
    )
  }, patienceMs)
  timer.unref?.()
}

/** The application processes this message with a function of ours. */
export function noteHandled(message: unknown): void {
  if (message === null || typeof message !== 'object') return
  registry.handled ??= new WeakSet()
  registry.handled.add(message)
}
