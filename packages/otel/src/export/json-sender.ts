// OTLP over HTTP with JSON bodies, made from the protobuf bytes at the moment of sending.
import { type PartialSuccess, readJsonPartialSuccess } from './answer.ts'
import { Bodies } from './bodies.ts'
import { gzip } from './compression.ts'
import { HttpClient } from './http-post.ts'
import { httpHeaders, outcomeOfAnswer } from './http-sender.ts'
import { transcode } from './json.ts'
import type { Sender, Shipment } from './sender.ts'

export function createJsonSender(): Sender {
  return sendAsJson(
    ({ signal, bytes }) => transcode(signal, bytes),
    body => readJsonPartialSuccess(body.toString('utf8')),
  )
}

/** Posts what `render` makes of a shipment; `readPartial` reads the body of an answer that accepts. */
export function sendAsJson(
  render: (shipment: Shipment) => unknown,
  readPartial: (body: Buffer) => PartialSuccess,
): Sender {
  const client = new HttpClient()
  const bodies = new Bodies()
  return {
    async send(target, shipment, timeoutMs) {
      const plain = Buffer.from(JSON.stringify(render(shipment)))
      const gzipped = target.compression === 'gzip' && plain.length >= 1024
      const answer = await bodies.during(gzipped ? await gzip(plain) : plain, shipment.bytes, body =>
        client.post({
          url: target.endpoint,
          headers: httpHeaders(target, 'application/json', gzipped),
          body,
          timeoutMs,
          tls: target.tls,
        }),
      )
      return outcomeOfAnswer(answer, target, readPartial)
    },
    close: () => client.close(),
    sendNow: (request, budgetMs) => client.sendNow(request, budgetMs),
    readAnswers: budgetMs => bodies.shipmentsOf(client.readAnswers(budgetMs)),
  }
}
