// The end of the process, without a say in it: exit codes and signals stay those of the program without us.
//
//   natural end        beforeExit  -> flush within the deadline (once, or the loop would never empty)
//   process.exit,      exit        -> end what is in flight, last words, synchronously
//   throw, rejection
//   signal, nobody     our listener -> end what is in flight, flush within the deadline, step aside, raise the same signal
//   else listens                       again: the process dies by signal, as it would have
//   signal, the        nothing: the application decides, and ends in one of the ways above
//   program listens
//
// Never `uncaughtException` or `unhandledRejection`: listening to them changes what Node does.

export interface ExitWork {
  /** Ends the spans that are open, synchronously: the process ends before they do. `exitCode` when there is one. */
  endInFlight(exitCode: number | undefined): void
  /** Sends what is pending; resolves at the latest after `deadlineMs` and never rejects. */
  flush(deadlineMs: number): Promise<void>
  /** Synchronous; takes at most `budgetMs`. */
  lastWords(budgetMs: number): void
  /** Says what is lost with the process: the very last thing, whichever way it ends. */
  sayUnsent(): void
  readonly deadlineMs: number
  readonly lastWordsMs: number
}

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
type ExitSignal = (typeof signals)[number]

/** A script that has ended is not held back longer than this by a collector that does not answer. */
const naturalEndMs = 400
/** The loop empties again right after a flush; only a program that went on for longer gets another one. */
const sameEndMs = 1000
/** PID 1 survives a signal nobody handles. Then we listen again. */
const survives = process.pid === 1
const survivedMs = 1000

/** Begins to listen; the returned function stops. Main thread only: workers get no signals. */
export function attachExits(work: ExitWork): () => void {
  const listeners = new Map<ExitSignal, () => void>()
  let detached = false
  let flushedAtMs = Number.NEGATIVE_INFINITY
  let dying = false
  /** The signal being raised again: its default action must stay in place. */
  let raising: ExitSignal | undefined

  // Held to its promises: a flush that rejects or never ends must not be the reason a process does not. The timer also
  // keeps the loop alive, which our own sockets do not.
  const flush = (deadlineMs: number) =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, deadlineMs)
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      work.flush(deadlineMs).then(done, done)
    })

  const listen = (signal: ExitSignal) => {
    if (detached || listeners.has(signal)) return
    const listener = () => onSignal(signal)
    listeners.set(signal, listener)
    process.on(signal, listener)
  }
  const unlisten = (signal: ExitSignal) => {
    const listener = listeners.get(signal)
    if (listener === undefined) return
    // First forgotten, then removed: `onRemoveListener` must not take it for the application's doing.
    listeners.delete(signal)
    process.removeListener(signal, listener)
  }

  const onSignal = (signal: ExitSignal) => {
    if (process.listenerCount(signal) > 1) {
      // Somebody began to listen in this very tick.
      void flush(work.deadlineMs)
      return
    }
    if (dying) return raise(signal)
    dying = true
    // Without us the process would be dead now.
    if (!survives) work.endInFlight(undefined)
    void flush(work.deadlineMs).then(() => {
      // The application may have begun to listen meanwhile: then the next signal is its own.
      if (process.listenerCount(signal) <= 1) raise(signal)
      dying = false
    })
  }

  const raise = (signal: ExitSignal) => {
    raising = signal
    unlisten(signal)
    // There is no `exit` event when a signal ends the process.
    work.sayUnsent()
    process.kill(process.pid, signal)
    setTimeout(() => {
      raising = undefined
      if (process.listenerCount(signal) === 0) listen(signal)
    }, survivedMs).unref()
  }

  // Libraries such as signal-exit compare the number of listeners with their own to learn whether they are alone, and
  // raise the signal again if so. With ours in the list nobody would ever end the process, so we leave when somebody
  // comes, and come back when the last one has left.
  const onNewListener = (event: string | symbol, added: unknown) => {
    if (event === 'exit' && added !== onExit) return process.nextTick(goLast)
    if (!isExitSignal(event) || !listeners.has(event)) return
    // Not now: the new one is not in the list yet, and Node would stop watching the signal when it sees none.
    process.nextTick(() => {
      if (process.listenerCount(event) > 1) unlisten(event)
    })
  }
  const onRemoveListener = (event: string | symbol, removed: unknown) => {
    if (!isExitSignal(event)) return
    if (listeners.get(event) === removed) listeners.delete(event) // removeAllListeners
    if (process.listenerCount(event) === 0 && raising !== event) listen(event)
  }
  const onBeforeExit = () => {
    if (performance.now() - flushedAtMs < sameEndMs) return
    flushedAtMs = Number.POSITIVE_INFINITY
    if (process.listenerCount('beforeExit') === 1) return flushAtEnd()
    const before = readActive()
    // When all other listeners have run, and what their promises do at once.
    process.nextTick(() => queueMicrotask(() => process.nextTick(() => flushAtEnd(before))))
  }
  /** `before`: what kept the loop alive before other listeners of `beforeExit` ran. */
  const flushAtEnd = (before?: readonly string[]) => {
    // Our flush alone would make Node say `beforeExit` again. Where the others went on working, it is for them as well.
    if (before !== undefined && !hasGrown(before, readActive())) holdBeforeExit()
    void flush(Math.min(work.deadlineMs, naturalEndMs)).then(() => {
      flushedAtMs = performance.now()
    })
  }
  const onExit = (code?: number) => {
    work.endInFlight(code)
    work.lastWords(work.lastWordsMs)
    work.sayUnsent()
  }
  // What other listeners of `exit` still do is telemetry too, so ours stays behind theirs.
  const goLast = () => {
    if (detached) return
    process.removeListener('exit', onExit)
    process.on('exit', onExit)
  }

  for (const signal of signals) if (process.listenerCount(signal) === 0) listen(signal)
  process.on('newListener', onNewListener)
  process.on('removeListener', onRemoveListener)
  process.on('beforeExit', onBeforeExit)
  process.on('exit', onExit)

  return () => {
    detached = true
    process.removeListener('newListener', onNewListener)
    process.removeListener('removeListener', onRemoveListener)
    process.removeListener('beforeExit', onBeforeExit)
    process.removeListener('exit', onExit)
    for (const signal of signals) unlisten(signal)
  }
}

/** The kinds of what keeps the loop alive: `Timeout`, `TCPSocketWrap`. Standard output is listed and does not. */
function readActive(): readonly string[] {
  return process.getActiveResourcesInfo().filter(kind => kind !== 'PipeWrap' && kind !== 'TTYWrap')
}

function hasGrown(before: readonly string[], after: readonly string[]): boolean {
  const left = [...before]
  return after.some(kind => {
    const at = left.indexOf(kind)
    if (at !== -1) left.splice(at, 1)
    return at === -1
  })
}

/** The next `beforeExit` reaches nobody: all have heard it. */
function holdBeforeExit(): void {
  const before = Object.getOwnPropertyDescriptor(process, 'emit')
  const emit = process.emit as (...args: unknown[]) => boolean
  let held = true
  const hold = function (this: unknown, ...args: unknown[]): boolean {
    // Somebody may have wrapped it since and keep it; then it is a pass-through.
    if (!held || args[0] !== 'beforeExit') return emit.apply(this, args)
    held = false
    if (process.emit !== hold) return true
    if (before === undefined) Reflect.deleteProperty(process, 'emit')
    else Object.defineProperty(process, 'emit', before)
    return true
  } as typeof process.emit
  process.emit = hold
}

function isExitSignal(event: string | symbol): event is ExitSignal {
  return (signals as readonly (string | symbol)[]).includes(event)
}
