import type { Parsed } from './parse.ts'

/** An OTLP endpoint taken apart. What is missing was not written; `resolve` decides what it means. */
export interface Endpoint {
  readonly scheme?: 'http' | 'https'
  /** IPv6 addresses carry their brackets. */
  readonly host: string
  readonly port?: number
  /** Starts with a slash; query included. */
  readonly path: string
  /** `user:password` as written, percent-decoded. */
  readonly userinfo?: string
}

/** What people write instead. Any other word may be part of a damaged password. */
const otherSchemes = new Set(
  'ftp grpc grpcs h2c tcp udp unix ws wss otlp htp htpp htttp ttp httpss'.split(' '),
)

/** `http://collector:4317`, `https://host/prefix`, `collector:4317`, `[::1]:4317`. */
export function parseEndpoint(text: string): Parsed<Endpoint | undefined> {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)
  const scheme = match?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    return {
      fault: `expected http:// or https://${otherSchemes.has(scheme) ? `, not ${scheme}://` : ''}`,
    }
  }
  if (scheme === undefined && /^https?:/i.test(text))
    return { fault: 'expected http:// or https:// with two slashes' }
  const misplaced = findMisplaced(text)
  if (misplaced !== undefined) return { fault: misplaced }
  let url: URL
  try {
    url = new URL(scheme === undefined ? `http://${text}` : text)
  } catch {
    return { fault: 'expected a URL such as http://localhost:4317' }
  }
  if (url.hostname === '' || /[\s"'<>]/.test(text))
    return { fault: 'expected a URL such as http://localhost:4317' }
  const port = readPort(text, scheme, url)
  return {
    value: {
      ...(scheme === undefined ? {} : { scheme: scheme as 'http' | 'https' }),
      host: url.hostname,
      ...(port === undefined ? {} : { port }),
      path: `${url.pathname}${url.search}`,
      ...(url.username === '' && url.password === ''
        ? {}
        : { userinfo: `${decode(url.username)}:${decode(url.password)}` }),
    },
  }
}

/** A slash in a password makes the rest of it a path and the user a host: then everything goes to the wrong place. */
function findMisplaced(text: string): string | undefined {
  const path = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/)?[^/?#\\]*(.*)$/s.exec(text)![1]!
  if (path.includes('@'))
    return 'there is an @ after the path began; write / ? # and \\ in a password as %2F %3F %23 and %5C'
  if (/^[^?]*:\d{2,5}(?:[/?]|$)/.test(path)) return 'there is a port after the path began'
  return /[#\\]/.test(path) ? 'expected no # and no backslash; write them as %23 and %5C' : undefined
}

/** A `%` that begins no escape is a character of the password. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

// WHATWG URLs forget a port that is the scheme's default; `collector:80` without a scheme still means 80.
function readPort(text: string, scheme: string | undefined, url: URL): number | undefined {
  if (url.port !== '') return Number(url.port)
  if (scheme === undefined && /^[^/]*:80(?:\/|$)/.test(text)) return 80
  return undefined
}

/** Any URL for an HTTP exporter that is not OTLP (Zipkin). */
export function parseUrl(text: string): Parsed<string> {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) {
    const misplaced = findMisplaced(text)
    return misplaced === undefined ? { value: text } : { fault: misplaced }
  }
  return { fault: 'expected a URL that starts with http:// or https://' }
}

/** `10.0.0.7`, `fd00::1`, `[fd00::1]` or a host name -> what belongs between `//` and the port. */
export function parseHostAddress(text: string): Parsed<string | undefined> {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  if (bare.includes(':')) {
    // Zone ids (fe80::1%eth0) are local to the sender and not part of a URL.
    const address = bare.split('%', 1)[0]!
    return /^[0-9A-Fa-f:.]{2,45}$/.test(address) && isHost(`[${address}]`)
      ? { value: `[${address}]` }
      : { fault: 'expected an IP address' }
  }
  return /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(bare) && isHost(bare)
    ? { value: bare }
    : { fault: 'expected an IP address' }
}

function isHost(host: string): boolean {
  return URL.canParse(`http://${host}/`)
}
