// What the senders make of protobuf bytes, synchronously: for the `exit` event, when there is no sender of ours any more.
import { gunzipSync } from 'node:zlib'
import type { Signal } from '../config/config.ts'
import { writeConsole } from './console-exporter.ts'
import { transcode } from './json.ts'
import { renderZipkin } from './zipkin-sender.ts'

export function toJsonBody(signal: Signal, bytes: Buffer, gzipped: boolean): Buffer {
  return Buffer.from(JSON.stringify(transcode(signal, plain(bytes, gzipped))))
}

export function toZipkinBody(bytes: Buffer, gzipped: boolean): Buffer {
  return Buffer.from(JSON.stringify(renderZipkin(plain(bytes, gzipped))))
}

export function printLast(signal: Signal, bytes: Buffer, gzipped: boolean): void {
  writeConsole(signal, plain(bytes, gzipped))
}

function plain(bytes: Buffer, gzipped: boolean): Buffer {
  return gzipped ? gunzipSync(bytes) : bytes
}
