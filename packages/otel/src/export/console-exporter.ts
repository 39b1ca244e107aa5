// `OTEL_*_EXPORTER=console`: what would be sent, as OTLP/JSON, one request per line. Asked for by name, and only then,
// it goes to stdout, where the specification's console exporter goes.
import { writeSync } from 'node:fs'
import { transcode } from './json.ts'
import type { Sender } from './sender.ts'

export function createConsoleExporter(): Sender {
  return {
    async send(_target, { signal, bytes }) {
      try {
        // By descriptor: an error event of process.stdout nobody listens to would end the process.
        writeSync(1, `${JSON.stringify(transcode(signal, bytes))}\n`)
      } catch {
        // Closed or full: not worth a retry.
      }
      return { kind: 'accepted', rejected: 0, message: '' }
    },
    close() {},
  }
}
