// OTLP over HTTP with JSON bodies, made from the protobuf bytes at the moment of sending.
import { readJsonPartialSuccess } from './answer.ts'
import { Bodies } from './bodies.ts'
import { gzip } from './compression.ts'
import { HttpClient } from './http-post.ts'
import { httpHeaders, outcomeOfAnswer } from './http-sender.ts'
import { transcode } from './json.ts'
import type { Sender } from './sender.ts'

export function createJsonSender(): Sender {
  const client = new HttpClient()
  const bodies = new Bodies()
  return {
    async send(target, { signal, bytes }, timeoutMs) {
      const plain = Buffer.from(JSON.stringify(transcode(signal, bytes)))
      const gzipped = target.compression === 'gzip' && plain.length >= 1024
      const answer = await bodies.during(gzipped ? await gzip(plain) : plain, bytes, body =>
        client.post({
          url: target.endpoint,
          headers: httpHeaders(target, 'application/json', gzipped),
          body,
          timeoutMs,
          tls: target.tls,
        }),
      )
      return outcomeOfAnswer(answer, target, body => readJsonPartialSuccess(body.toString('utf8')))
    },
    close: () => client.close(),
    sendNow: (request, budgetMs) => client.sendNow(request, budgetMs),
    readAnswers: budgetMs => bodies.shipmentsOf(client.readAnswers(budgetMs)),
  }
}
