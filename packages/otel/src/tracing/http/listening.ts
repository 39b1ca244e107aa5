// Servers of modules we do not load: `node:https` costs 6 ms and 7 MB at start, `node:http2` 10 ms and 11 MB. Whoever has
// one of their servers calls `listen` on it, which they inherit from `net.Server`.
// biome-ignore-all lint/complexity/noArguments: forwarded as it is, without an array per call.
import type { EventEmitter } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { swallow } from '../../self/guard.ts'
import { replaceMethod } from './replace-method.ts'

export type ServerKind = 'https' | 'http2'

/** Calls `found` with the prototype of each kind of server, once, before the first of them listens. */
export function watchListening(found: (kind: ServerKind, prototype: EventEmitter) => void): () => void {
  const known = new Set<object>()
  const original = net.Server.prototype.listen

  function listen(this: net.Server): net.Server {
    try {
      const owner = findOwner(this)
      if (owner !== undefined && !known.has(owner.prototype)) {
        known.add(owner.prototype)
        found(owner.kind, owner.prototype)
      }
    } catch (error) {
      swallow('listen', error)
    }
    return original.apply(this, arguments as unknown as [number])
  }

  return replaceMethod(net.Server.prototype, 'listen', listen as typeof original)
}

interface Owner {
  kind: ServerKind
  prototype: EventEmitter
}

/** The prototype of Node's own class, also when the application extended it. */
function findOwner(server: net.Server): Owner | undefined {
  if (server instanceof http.Server) return undefined
  let prototype = Object.getPrototypeOf(server) as EventEmitter | null
  while (prototype !== null && prototype !== net.Server.prototype) {
    const { name } = prototype.constructor
    if (name === 'Http2Server' || name === 'Http2SecureServer') return { kind: 'http2', prototype }
    // `https.Server`; `http.Server` was excluded, `tls.Server` and `net.Server` have no such method.
    if (Object.hasOwn(prototype, 'closeIdleConnections')) return { kind: 'https', prototype }
    prototype = Object.getPrototypeOf(prototype) as EventEmitter | null
  }
  return undefined
}
