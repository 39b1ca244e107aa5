// OTLP over HTTP with protobuf bodies.
import type { OtlpTarget } from '../config/config.ts'
import { readPartialSuccess } from './answer.ts'
import { lowerCaseKeys } from './http-headers.ts'
import { type Answer, HttpClient } from './http-post.ts'
import { type Outcome, outcomeOfStatus } from './outcome.ts'
import { readRefusal } from './refusal-text.ts'
import type { Sender, Shipment } from './sender.ts'
import { userAgent } from './user-agent.ts'

export function createHttpSender(): Sender {
  const client = new HttpClient()
  return {
    async send(target: OtlpTarget, { bytes, gzipped }: Shipment, timeoutMs: number): Promise<Outcome> {
      const answer = await client.post({
        url: target.endpoint,
        headers: httpHeaders(target, 'application/x-protobuf', gzipped),
        body: bytes,
        timeoutMs,
        tls: target.tls,
      })
      return outcomeOfAnswer(answer, target, body => readPartialSuccess(body))
    },
    close: () => client.close(),
    sendNow: (request, budgetMs) => client.sendNow(request, budgetMs),
    readAnswers: budgetMs => client.readAnswers(budgetMs),
  }
}

/** What the user asked for, except where the protocol leaves no choice. */
export function httpHeaders(
  target: OtlpTarget,
  contentType: string,
  gzipped: boolean,
): Record<string, string> {
  return {
    'user-agent': userAgent,
    ...lowerCaseKeys(target.headers),
    'content-type': contentType,
    ...(gzipped ? { 'content-encoding': 'gzip' } : {}),
  }
}

export function outcomeOfAnswer(
  answer: Answer,
  target: OtlpTarget,
  readPartial: (body: Buffer) => { rejected: number; message: string },
): Outcome {
  if ('error' in answer) {
    if (answer.error.startsWith('ERR_INVALID'))
      return { kind: 'refused', code: answer.error, says: answer.says }
    return {
      kind: 'retry',
      code: answer.error,
      says: answer.says + wrongPortHint(answer.error, target),
      unreachable: true,
    }
  }
  const outcome = outcomeOfStatus(answer.status, answer.headers['retry-after'], Date.now())
  const type = answer.headers['content-type'] ?? ''
  if (outcome.kind !== 'accepted') {
    const said =
      answer.headers['content-encoding'] === undefined
        ? readRefusal(type, answer.body, Object.values(target.headers))
        : ''
    return said === '' ? outcome : { ...outcome, says: `${outcome.says}; it says: ${said}` }
  }
  // A proxy's login page answers 200 to everything; taking it for success would lose everything in silence.
  if (
    type.startsWith('text/html') &&
    answer.body.subarray(0, 64).toString('latin1').trimStart().startsWith('<')
  ) {
    return { kind: 'refused', code: 'html', says: 'the answer is an HTML page; is this an OTLP endpoint?' }
  }
  // A compressed answer was not asked for and is not worth the risk of unpacking it.
  if (answer.headers['content-encoding'] !== undefined) return outcome
  return { kind: 'accepted', ...readPartial(answer.body) }
}

/** A gRPC server greets with an HTTP/2 frame. */
function wrongPortHint(code: string, target: OtlpTarget): string {
  const port = safePort(target.endpoint)
  if (code === 'ERR_NOT_HTTP' || (code === 'ECONNRESET' && port === '4317')) {
    return `; port ${port || '?'} seems to speak gRPC (4317 is gRPC), and you send ${target.protocol} (4318)`
  }
  return ''
}

function safePort(endpoint: string): string {
  try {
    return new URL(endpoint).port
  } catch {
    return ''
  }
}
