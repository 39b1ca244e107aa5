// Certificates by path, read once. A file that cannot be read is said and left out: the handshake then fails with its
// own message and the telemetry waits in the buffer.
import { readFileSync } from 'node:fs'
import type { OtlpTarget } from '../config/config.ts'
import { say } from '../self/log.ts'

export interface TlsOptions {
  ca?: Buffer
  cert?: Buffer
  key?: Buffer
}

export function readTlsFiles(tls: OtlpTarget['tls']): TlsOptions {
  const options: TlsOptions = {}
  const ca = readOptional(tls.caFile, 'OTEL_EXPORTER_OTLP_CERTIFICATE')
  const cert = readOptional(tls.clientCertFile, 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE')
  const key = readOptional(tls.clientKeyFile, 'OTEL_EXPORTER_OTLP_CLIENT_KEY')
  if (ca !== undefined) options.ca = ca
  if (cert !== undefined) options.cert = cert
  if (key !== undefined) options.key = key
  return options
}

function readOptional(path: string | undefined, setting: string): Buffer | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    say(
      'warn',
      'ORG_OTEL_EXPORT_CERTIFICATE',
      `${setting}="${path}": cannot be read (${code}); going on without it`,
    )
    return undefined
  }
}
