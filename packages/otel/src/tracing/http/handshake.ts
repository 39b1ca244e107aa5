// Upgrades and CONNECT leave HTTP behind: the listener writes its answer to the socket itself.
import type { Socket } from 'node:net'
import { guard } from '../../self/guard.ts'
import type { ServerExchange } from './exchange.ts'
import type { ServerTracing } from './incoming.ts'
import { replaceMethod } from './replace-method.ts'

/**
 * The answer to an upgrade or CONNECT is written to the bare socket: its first bytes are the status line. The span is the
 * handshake, not the life of the connection that follows.
 */
export function watchHandshake(socket: Socket, exchange: ServerExchange, tracing: ServerTracing): void {
  const undo: (() => void)[] = []
  const letGo = (): void => {
    for (const restore of undo) restore()
  }
  // No listener: the application may count those of its socket.
  undo.push(
    watchMethod(socket, 'emit', event => {
      if (event !== 'close') return
      letGo()
      tracing.abort(exchange)
    }),
  )
  for (const name of ['write', 'end'] as const)
    undo.push(
      watchMethod(socket, name, chunk => {
        if (exchange.live === null) return
        letGo()
        tracing.finish(exchange, parseStatusLine(chunk))
      }),
    )
}

/** Calls `before` with the first argument of each call; returns what takes it back unless somebody patched over it. */
function watchMethod(
  socket: Socket,
  name: 'emit' | 'write' | 'end',
  before: (first: unknown) => void,
): () => void {
  const original = socket[name] as (...args: unknown[]) => unknown
  const watched = function (this: unknown, ...args: unknown[]): unknown {
    guard('handshake', () => before(args[0]))
    return original.apply(this, args)
  }
  return replaceMethod(socket, name, watched as never)
}

function parseStatusLine(chunk: unknown): number | undefined {
  const text =
    typeof chunk === 'string'
      ? chunk.slice(0, 12)
      : chunk instanceof Uint8Array
        ? Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(12, chunk.length)).toString('latin1')
        : ''
  const match = /^HTTP\/1\.\d (\d{3})/.exec(text)
  return match === null ? undefined : Number(match[1])
}
