// What a collector, gateway or proxy says in the body of a refusal, made fit for one line: it is often the only place where
// the reason stands. Sources: OTLP specification 1.x, "Failures" (the body is a google.rpc.Status), and what proxies send.
import { readText, walk } from './wire.ts'

/** Longer pages repeat themselves. */
const maxReadBytes = 8192
const maxLength = 200

/**
 * `secrets`: what we sent and a gateway may quote. Empty when the body says nothing. Never throws.
 *
 * @example
 * readRefusal('application/json', Buffer.from('{"code":3,"message":"resource_spans missing"}'), []) // 'resource_spans missing'
 */
export function readRefusal(contentType: string, body: Uint8Array, secrets: readonly string[]): string {
  try {
    const bytes = body.subarray(0, maxReadBytes)
    const found = contentType.startsWith('application/x-protobuf') ? readStatus(bytes) : undefined
    return clean(found ?? readPage(contentType, Buffer.from(bytes).toString('utf8')), secrets)
  } catch {
    return ''
  }
}

/** One line of bounded length, without what we sent to prove who we are. */
export function clean(text: string, secrets: readonly string[]): string {
  let line = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
    .replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]+/g, ' ')
    .trim()
  for (const secret of secrets) {
    // `Bearer abc` may come back as `abc`.
    for (const part of [secret, ...secret.split(' ')])
      if (part.length >= 4) line = line.replaceAll(part, '<hidden>')
  }
  line = line.replace(/\b(bearer|basic|token|api[-_]?key)([ :=]+)[^\s"',;]{4,}/gi, '$1$2<hidden>')
  return line.length > maxLength ? `${line.slice(0, maxLength - 3)}...` : line
}

/** `message = 2` of google.rpc.Status. */
function readStatus(bytes: Uint8Array): string | undefined {
  let message: string | undefined
  try {
    walk(bytes, 0, bytes.length, field => {
      if (field.number === 2 && field.wireType === 2) message = readText(bytes, field)
    })
  } catch {
    return undefined
  }
  return message
}

function readPage(contentType: string, text: string): string {
  const trimmed = text.trimStart()
  if (contentType.includes('json') || trimmed.startsWith('{')) return readJson(trimmed) ?? trimmed
  if (!trimmed.startsWith('<')) return trimmed
  const title = /<title[^>]*>([^<]*)/i.exec(trimmed)?.[1]?.trim()
  if (title) return title
  return trimmed.replace(/<(script|style)\b[^>]*>[^<]*/gi, ' ').replace(/<[^>]*>/g, ' ')
}

function readJson(text: string): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  for (let depth = 0; depth < 3 && typeof value === 'object' && value !== null; depth++) {
    const fields = value as Record<string, unknown>
    value = fields.message ?? fields.error ?? fields.errors ?? fields.detail ?? fields.reason
    if (Array.isArray(value)) value = value[0]
  }
  return typeof value === 'string' ? value : undefined
}
