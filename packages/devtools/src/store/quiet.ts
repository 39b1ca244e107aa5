// When is a trace finished? Nobody says so; it is when its root has ended and nothing more arrived for a moment.
import type { Store } from './store.ts'
import type { Trace } from './trace.ts'

export interface FinishedOptions {
  /** Silence after the root has arrived. Default 300 ms. */
  readonly quietMs?: number
  /** Silence after which a trace without a root is shown too. Default 5 s. */
  readonly orphanMs?: number
}

/** Calls `listener` once for each trace when it is finished; the returned function stops that. */
export function watchFinished(
  store: Store,
  listener: (trace: Trace) => void,
  options: FinishedOptions = {},
): () => void {
  const { quietMs = 300, orphanMs = 5000 } = options
  const reported = new Map<string, number>()
  const timers = new Map<string, { count: number; timer: NodeJS.Timeout }>()
  const look = () => {
    for (const { traceId, spans, rooted } of store.outline()) {
      if (reported.has(traceId) || timers.get(traceId)?.count === spans) continue
      clearTimeout(timers.get(traceId)?.timer)
      const timer = setTimeout(() => finish(traceId), rooted ? quietMs : orphanMs)
      timer.unref()
      timers.set(traceId, { count: spans, timer })
    }
  }
  const finish = (traceId: string) => {
    timers.delete(traceId)
    const trace = store.trace(traceId)
    if (trace === undefined) return
    reported.set(traceId, trace.spans.length)
    // Ids of traces the store has forgotten need not be remembered here.
    if (reported.size > 50_000) for (const id of reported.keys()) if (!store.has(id)) reported.delete(id)
    listener(trace)
  }
  const stop = store.subscribe(look)
  look()
  return () => {
    stop()
    for (const { timer } of timers.values()) clearTimeout(timer)
  }
}
