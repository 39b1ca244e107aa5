// Who really called, behind proxies: RFC 7239 `Forwarded`, then `X-Forwarded-*`, in upstream's order of preference.
import type { IncomingHttpHeaders } from 'node:http'
import { type Authority, parseAuthority, stripPort } from './authority.ts'

// A header longer than this is an attack, not a proxy chain.
const maxLength = 4096

/** True when one of the headers this file reads is there: nearly always false, and then nothing else here runs. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return (
    headers.forwarded !== undefined ||
    headers['x-forwarded-for'] !== undefined ||
    headers['x-forwarded-host'] !== undefined
  )
}

/** The `server.address` and `server.port` the first proxy was asked for, if it told. */
export function readForwardedServer(headers: IncomingHttpHeaders): Authority | undefined {
  for (const element of parseForwarded(headers.forwarded))
    if (element.host) return parseAuthority(element.host, element.proto)
  const host = first(headers['x-forwarded-host'])
  return host ? parseAuthority(host, first(headers['x-forwarded-proto'])) : undefined
}

/** The `client.address` the first proxy saw, if it told. */
export function readForwardedClient(headers: IncomingHttpHeaders): string | undefined {
  for (const element of parseForwarded(headers.forwarded))
    if (element.for) return stripPort(element.for).toLowerCase()
  const addresses = first(headers['x-forwarded-for'])
  if (!addresses || addresses.length > maxLength) return undefined
  const comma = addresses.indexOf(',')
  return stripPort((comma === -1 ? addresses : addresses.slice(0, comma)).trim()).toLowerCase()
}

interface Element {
  for?: string
  host?: string
  proto?: string
}

/** RFC 7239 section 4. A malformed header gives no elements at all: half a header is not trusted. */
export function parseForwarded(header: string | undefined): Element[] {
  if (header === undefined || header.length > maxLength) return []
  const elements: Element[] = [{}]
  const pair = /[\t ]*([!#$%&'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*"|[^\s",;]*)[\t ]*([,;]|$)/y
  while (pair.lastIndex < header.length) {
    const match = pair.exec(header)
    if (match === null) return []
    const [, name = '', value = '', end] = match
    const key = name.toLowerCase()
    if (key === 'for' || key === 'host' || key === 'proto')
      (elements.at(-1) as Element)[key] =
        value.charCodeAt(0) === 34 ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
    if (end === ',') elements.push({})
    if (end === '') break
  }
  return elements
}

function first(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}
