// Setting up a connection: its socket outlives the request that opened it. Opened in the root context, nothing that the
// connection says later (notifications, errors, rows for others) runs in the span of that request.
import dns from 'node:dns'
import { Socket } from 'node:net'
import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api'
import { isWrapped } from '../loader/instrumentation-base.ts'

/** Somebody asked for spans of sockets and lookups: they are part of the set-up. */
function isWatched(): boolean {
  return isWrapped(Socket.prototype.connect) || isWrapped(dns.lookup)
}

/** Runs what opens a socket. `active`: the context of the set-up. */
export function openSocket<T>(active: Context, open: () => T): T {
  return context.with(isWatched() ? active : ROOT_CONTEXT, open)
}
