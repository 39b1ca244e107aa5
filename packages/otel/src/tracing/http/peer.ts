// Who is at the two ends of a request. On a connection that is kept alive this is the same for every request, so from the
// second one on it is found whole, with its bytes.
import type { FlatAttributes } from '../attributes.ts'
import type { CommonAttributes } from '../ended-span.ts'
import { type Authority, parseAuthority } from './authority.ts'
import { readForwardedClient, readForwardedServer } from './forwarded.ts'
import type { Incoming } from './incoming.ts'

interface Connection {
  /** `Host` and protocol version of the last request; a connection may serve several hosts. */
  host: string | undefined
  version: string
  common: CommonAttributes | null
}

// Not a property of the socket: that would give Node's own code two shapes to handle.
const connections = new WeakMap<object, Connection>()

/** What `describePeer` gives a request that no proxy forwarded; null when the one before it went to another host or was none. */
export function findCommon(incoming: Incoming): CommonAttributes | null {
  const { socket, host, version } = incoming
  const known = connections.get(socket)
  if (known === undefined) {
    connections.set(socket, { host, version, common: null })
    return null
  }
  if (known.host !== host || known.version !== version) {
    known.host = host
    known.version = version
    known.common = null
  } else if (known.common === null) {
    const attributes: (string | number)[] = []
    describePeer(incoming, false, attributes)
    known.common = { attributes, encoded: null }
  }
  return known.common
}

/** Appends upstream's attributes of the two ends and the protocol between them. */
export function describePeer(incoming: Incoming, forwarded: boolean, attributes: FlatAttributes): void {
  const { headers, host, scheme, socket, version } = incoming
  const peer = socket.remoteAddress
  let client = peer
  let server: Authority | undefined
  if (forwarded) {
    server = readForwardedServer(headers)
    client = readForwardedClient(headers) ?? peer
  }
  if (server === undefined && host) server = parseAuthority(host, scheme)
  attributes.push('url.scheme', scheme)
  if (server !== undefined) attributes.push('server.address', server.address)
  if (peer !== undefined) attributes.push('network.peer.address', peer)
  if (socket.remotePort !== undefined) attributes.push('network.peer.port', socket.remotePort)
  attributes.push('network.protocol.version', version)
  if (client !== undefined) attributes.push('client.address', client)
  if (server?.port !== undefined) attributes.push('server.port', server.port)
}
