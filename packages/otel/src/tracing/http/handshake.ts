// Upgrades and CONNECT leave HTTP behind: the listener writes its answer to the socket itself.
import type { Socket } from 'node:net'
import type { ServerExchange } from './exchange.ts'
import type { ServerTracing } from './incoming.ts'

/**
 * The answer to an upgrade or CONNECT is written to the bare socket: its first bytes are the status line. The span is the
 * handshake, not the life of the connection that follows.
 */
export function watchHandshake(socket: Socket, exchange: ServerExchange, tracing: ServerTracing): void {
  const methods = socket as unknown as Record<'write' | 'end', (...args: unknown[]) => unknown>
  const undo: (() => void)[] = []
  const letGo = (): void => {
    for (const restore of undo) restore()
  }
  const onClose = (): void => {
    letGo()
    tracing.abort(exchange)
  }
  socket.once('close', onClose)
  undo.push(() => socket.removeListener('close', onClose))
  for (const name of ['write', 'end'] as const) {
    const own = Object.hasOwn(methods, name)
    const original = methods[name]
    const watched = function (this: unknown, ...args: unknown[]): unknown {
      if (exchange.live !== null) {
        letGo()
        tracing.finish(exchange, parseStatusLine(args[0]))
      }
      return original.apply(this, args)
    }
    Object.defineProperty(watched, 'name', { value: original.name, configurable: true })
    Object.defineProperty(watched, 'length', { value: original.length, configurable: true })
    methods[name] = watched
    undo.push(() => {
      if (methods[name] !== watched) return
      if (own) methods[name] = original
      else Reflect.deleteProperty(methods, name)
    })
  }
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
