// `Host`, `:authority` and friends: text to address and port, as upstream's server instrumentation reads them.

export interface Authority {
  /** Square brackets of an IPv6 literal stay, as in upstream. */
  readonly address: string
  readonly port: number | undefined
}

const colon = 58
const leftBracket = 91
const rightBracket = 93

/**
 * `parseAuthority('shop.example:8080', 'http')` gives `{ address: 'shop.example', port: 8080 }`; without a port the default
 * of the scheme, and none when the scheme is unknown. Text that is no authority comes back whole, without a port.
 */
export function parseAuthority(text: string, scheme: string | undefined): Authority {
  const last = text.lastIndexOf(':')
  if (last === -1) return { address: text, port: defaultPort(scheme) }
  if (text.charCodeAt(0) === leftBracket) {
    if (text.charCodeAt(text.length - 1) === rightBracket) return { address: text, port: defaultPort(scheme) }
    if (text.charCodeAt(last - 1) !== rightBracket) return { address: text, port: undefined }
  } else if (text.indexOf(':') !== last) return { address: text, port: undefined }
  return { address: text.slice(0, last), port: parsePort(text, last + 1) }
}

export function defaultPort(scheme: string | undefined): number | undefined {
  return scheme === 'http' ? 80 : scheme === 'https' ? 443 : undefined
}

/** `1.2.3.4:567` gives `1.2.3.4`, `[::1]:80` gives `::1`; anything without a port as it is. */
export function stripPort(text: string): string {
  if (text.charCodeAt(0) === leftBracket) {
    const end = text.indexOf(']')
    return end === -1 ? text : text.slice(1, end)
  }
  const first = text.indexOf(':')
  return first === -1 || text.lastIndexOf(':') !== first ? text : text.slice(0, first)
}

function parsePort(text: string, from: number): number | undefined {
  const length = text.length - from
  if (length < 1 || length > 5) return undefined
  let port = 0
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return undefined
    port = port * 10 + digit
  }
  return port <= 65535 ? port : undefined
}

/** `host:port`, with brackets round an IPv6 literal and without the port that the scheme implies. */
export function renderAuthority(address: string, port: number | undefined, scheme: string): string {
  const host = address.charCodeAt(0) !== leftBracket && address.indexOf(':') !== -1 ? `[${address}]` : address
  return port === undefined || port === defaultPort(scheme) || host.charCodeAt(host.length - 1) === colon
    ? host
    : `${host}:${port}`
}
