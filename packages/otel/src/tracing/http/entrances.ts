// Where a request enters the application: the events of a server that hand it over. One stack frame, no closure.
// biome-ignore-all lint/complexity/noArguments: forwarded as it is, without an array per call.
import type { EventEmitter } from 'node:events'
import type { Context } from '@opentelemetry/api'
import { swallow } from '../../self/guard.ts'
import { noteThrow, storage } from '../context.ts'
import { ServerExchange } from './exchange.ts'
import type { ServerTracing } from './incoming.ts'
import { defineEmit, findEmit, type Observed } from './observed.ts'

/** What to enter for an event, undefined to leave it alone. */
export type Enter = (server: object, event: string | symbol, a: unknown, b: unknown) => Observed | undefined

// The exchange of a handler that is throwing right now. `uncaughtExceptionMonitor` follows at once and has the error;
// catching and throwing again would move the place that Node prints.
let throwing: { exchange: ServerExchange; tracing: ServerTracing } | undefined
let watching = 0

/** A process that dies of it does so before the microtask, and its request was in flight; one that goes on has failed it. */
function onUncaught(error: unknown): void {
  const failed = throwing
  throwing = undefined
  if (failed === undefined) return
  queueMicrotask(() => {
    try {
      failed.tracing.fail(failed.exchange, error)
    } catch (problem) {
      swallow('uncaught exception', problem)
    }
  })
}

export function patchEntrances(
  prototype: EventEmitter,
  events: ReadonlySet<string | symbol>,
  enter: Enter,
  tracing: ServerTracing,
): () => void {
  const originalOf = findEmit(prototype)

  function emit(this: EventEmitter, event: string | symbol, a?: unknown, b?: unknown): boolean {
    const original = originalOf()
    const entered = event === 'request' || events.has(event) ? enter(this, event, a, b) : undefined
    const outer = storage.getStore()
    if (entered === undefined || entered.context === outer)
      return original.apply(this, arguments as unknown as [string])
    storage.enterWith(entered.context)
    let returned = false
    try {
      const had =
        arguments.length === 3
          ? original.call(this, event, a, b)
          : original.apply(this, arguments as unknown as [string])
      returned = true
      return had
    } finally {
      storage.enterWith(outer as Context)
      if (!returned && entered instanceof ServerExchange) rememberThrow(entered, tracing)
    }
  }

  const undo = defineEmit(prototype, emit)
  if (watching++ === 0) process.on('uncaughtExceptionMonitor', onUncaught)
  return () => {
    undo()
    if (--watching === 0) process.removeListener('uncaughtExceptionMonitor', onUncaught)
  }
}

function rememberThrow(exchange: ServerExchange, tracing: ServerTracing): void {
  noteThrow(exchange)
  const thrown = { exchange, tracing }
  throwing = thrown
  // Somebody who emitted by hand may have caught it: then it is not the next uncaught exception's.
  queueMicrotask(() => {
    if (throwing === thrown) throwing = undefined
  })
}
