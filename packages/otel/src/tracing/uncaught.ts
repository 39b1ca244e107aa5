// Which context an error was thrown in that nobody caught. Node tells of the error in `uncaughtExceptionMonitor`, where
// the context is that of the callback that threw, and for rejections that of the promise (Node 20 to 26, test/e2e/in-flight).
// What was entered and left again inside of that callback is known only from here.
// Nothing is decided in the monitor: the application may handle the error, and the process goes on.
import type { Context } from '@opentelemetry/api'
import { ROOT, storage, takeThrow } from './context.ts'

export interface Uncaught {
  readonly error: unknown
  /** undefined: nothing was active, or Node does not say what was. */
  readonly context: Context | undefined
}

/** The process survives an error for longer than this: then it was not the one that ended it. */
const aftermathMs = 5000
const maxRemembered = 10

let recent: Uncaught[] = []
let forgetting: NodeJS.Timeout | undefined

function onUncaught(error: unknown): void {
  const context = takeThrow() ?? storage.getStore()
  if (recent.length === maxRemembered) recent.shift()
  recent.push({ error, context })
  clearTimeout(forgetting)
  // Outside of the request, which the timer would keep alive.
  forgetting = storage.run(ROOT, setTimeout, forget, aftermathMs)
  forgetting.unref()
}

function forget(): void {
  recent = []
}

/** The uncaught errors of the last seconds, oldest first. */
export function recentUncaught(): readonly Uncaught[] {
  return recent
}

/** Begins to listen; the returned function stops. */
export function watchUncaught(): () => void {
  // Listening to this event changes nothing; to `uncaughtException` or `unhandledRejection`, it would.
  process.on('uncaughtExceptionMonitor', onUncaught)
  return () => {
    process.removeListener('uncaughtExceptionMonitor', onUncaught)
    clearTimeout(forgetting)
    forget()
  }
}
