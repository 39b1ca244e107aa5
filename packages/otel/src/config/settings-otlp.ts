// OTLP can be set for all signals and per signal; the four sets of rows differ only in their prefix.
import type { Protocol } from './config.ts'
import { parseText } from './parse.ts'
import { parseBoolean } from './parse-boolean.ts'
import { type Endpoint, parseEndpoint } from './parse-endpoint.ts'
import { parseEnum } from './parse-enum.ts'
import { parseTimeoutMs } from './parse-number.ts'
import { parseHeaders } from './parse-pairs.ts'
import { setting } from './setting.ts'

const protocols = parseEnum<Protocol>(['grpc', 'http/protobuf', 'http/json'])
const compressions = parseEnum(['gzip', 'none'])

export function otlpRows<const P extends 'otlp' | 'traces.otlp' | 'metrics.otlp' | 'logs.otlp'>(
  prefix: P,
  name: string,
  whose: string,
) {
  const env = (suffix: string) => [`OTEL_EXPORTER_OTLP_${name}${suffix}`]
  const base = prefix === 'otlp'
  return [
    setting({
      key: `${prefix}.endpoint` as `${P}.endpoint`,
      env: env('ENDPOINT'),
      parse: parseEndpoint,
      secret: 'endpoint',
      fallback: undefined as Endpoint | undefined,
      shown: base
        ? 'the node of `NODE_IP`, else `http://localhost:4317` (gRPC) or `:4318` (HTTP)'
        : 'as for all signals',
      group: 'Sending',
      spec: true,
      says: base
        ? 'Where the collector is. Over HTTP `/v1/traces`, `/v1/metrics` and `/v1/logs` are added.'
        : `Where ${whose} go. Over HTTP used exactly as written, path included.`,
    }),
    setting({
      key: `${prefix}.protocol` as `${P}.protocol`,
      env: env('PROTOCOL'),
      parse: protocols,
      fallback: undefined as Protocol | undefined,
      shown: base ? 'follows the port: 4317 gRPC, 4318 HTTP; else `grpc`' : 'as for all signals',
      group: 'Sending',
      spec: true,
      says: `\`grpc\`, \`http/protobuf\` or \`http/json\`${base ? '' : ` for ${whose}`}.`,
    }),
    setting({
      key: `${prefix}.headers` as `${P}.headers`,
      env: env('HEADERS'),
      parse: parseHeaders,
      fallback: {} as Readonly<Record<string, string>>,
      group: 'Sending',
      secret: true,
      spec: true,
      says: `Headers sent with ${base ? 'every request' : whose}, \`name=value,name=value\`, values percent-encoded${base ? '' : '; added to those for all signals'}.`,
    }),
    setting({
      key: `${prefix}.timeout` as `${P}.timeout`,
      env: env('TIMEOUT'),
      parse: parseTimeoutMs,
      fallback: undefined as number | undefined,
      shown: base ? '`10000`' : 'as for all signals',
      group: 'Sending',
      spec: true,
      says: `Milliseconds until a request ${base ? '' : `with ${whose} `}is given up and retried.`,
    }),
    setting({
      key: `${prefix}.compression` as `${P}.compression`,
      env: env('COMPRESSION'),
      parse: compressions,
      fallback: undefined as 'gzip' | 'none' | undefined,
      shown: base ? '`gzip`; `none` to this machine' : 'as for all signals',
      group: 'Sending',
      spec: true,
      says: base
        ? '`gzip` or `none`. Unless it is set, what goes to a collector on the same machine or node (loopback, link-local address, `NODE_IP`) is not compressed: that takes more time than it saves.'
        : '`gzip` or `none`.',
    }),
    setting({
      key: `${prefix}.insecure` as `${P}.insecure`,
      env: env('INSECURE'),
      parse: parseBoolean,
      fallback: undefined as boolean | undefined,
      shown: base ? '`false`' : 'as for all signals',
      group: 'Sending',
      spec: true,
      says: 'Plain text instead of TLS, for a gRPC endpoint without `http://` or `https://`.',
    }),
    setting({
      key: `${prefix}.ca` as `${P}.ca`,
      env: env('CERTIFICATE'),
      parse: parseText,
      fallback: undefined as string | undefined,
      shown: base ? "the system's" : 'as for all signals',
      group: 'Sending',
      spec: true,
      says: 'PEM file of certificates to trust.',
    }),
    setting({
      key: `${prefix}.cert` as `${P}.cert`,
      env: env('CLIENT_CERTIFICATE'),
      parse: parseText,
      fallback: undefined as string | undefined,
      shown: base ? 'none' : 'as for all signals',
      group: 'Sending',
      spec: true,
      says: 'PEM file of our certificate (mutual TLS).',
    }),
    setting({
      key: `${prefix}.key` as `${P}.key`,
      env: env('CLIENT_KEY'),
      parse: parseText,
      fallback: undefined as string | undefined,
      shown: base ? 'none' : 'as for all signals',
      group: 'Sending',
      spec: true,
      says: 'PEM file of our private key (mutual TLS).',
    }),
  ] as const
}
