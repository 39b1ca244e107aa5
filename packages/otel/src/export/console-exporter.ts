// `OTEL_*_EXPORTER=console`: what would be sent, as OTLP/JSON, one request per line, for a person at a terminal. On stderr,
// because stdout belongs to the application: others read it.
import { writeSync } from 'node:fs'
import type { Signal } from '../config/config.ts'
import { transcode } from './json.ts'
import type { Sender } from './sender.ts'

export function createConsoleExporter(): Sender {
  return {
    async send(_target, { signal, bytes }) {
      writeConsole(signal, bytes)
      return { kind: 'accepted', rejected: 0, message: '' }
    },
    close() {},
  }
}

/** Synchronous, so that it works at the end of the process as well. Never throws. */
export function writeConsole(signal: Signal, bytes: Buffer): void {
  try {
    // By descriptor: an error event of process.stderr nobody listens to would end the process.
    writeSync(2, `${JSON.stringify(transcode(signal, bytes))}\n`)
  } catch {
    // Closed or full: not worth a retry.
  }
}
