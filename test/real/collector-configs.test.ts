// The shipped Collector configurations against the real Collector: it accepts them, without a word about deprecation.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expectNoTrace, expectTrace, startReceiver } from '@org/otel-devtools/testing'
import { installCollector } from './parts/install.ts'
import { collectorRoles, requiredEnv, shippedFile, startShipped, withoutKubernetes } from './parts/shipped.ts'

let binary: string
let scratch: string
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'real-validate-'))
  binary = installCollector()
}, 1_200_000)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function validate(
  file: string,
  env: Record<string, string> = requiredEnv,
): { status: number; output: string } {
  const done = spawnSync(binary, ['validate', '--config', file], {
    env: { PATH: process.env.PATH ?? '', QUEUE_DIRECTORY: join(scratch, 'queue'), ...env },
    encoding: 'utf8',
  })
  return { status: done.status ?? -1, output: done.stdout + done.stderr }
}

test.each(collectorRoles)('the Collector accepts %s as shipped', role => {
  expect(validate(shippedFile(role))).toEqual({ status: 0, output: '' })
})

test('what an operator can get wrong is refused by name before anything runs', () => {
  const text = readFileSync(shippedFile('gateway'), 'utf8')
  const broken = (name: string, from: string, to: string) => {
    expect(text).toContain(from)
    const file = join(scratch, `${name}.yaml`)
    writeFileSync(file, text.replaceAll(from, to))
    return validate(file).output
  }
  expect(broken('old-exporter', 'otlp_http/loki', 'loki')).toMatch(/unknown type: "loki"/)
  expect(broken('typo', 'decision_wait:', 'decision_wiat:')).toMatch(/invalid keys: decision_wiat/)
  expect(broken('pipeline', 'exporters: [otlp_grpc/tempo]', 'exporters: [otlp_grpc/tmepo]')).toMatch(/tmepo/)
  expect(validate(shippedFile('gateway'), {}).output).toMatch(/hmac_key must not be empty/)
})

/** Probes, by what old and new SDKs say about them, and what only looks like one. */
const arriving = [
  { name: 'probe by path', kind: 2, key: 'url.path', value: '/healthz', probe: true },
  { name: 'probe by target', kind: 2, key: 'http.target', value: '/ready', probe: true },
  { name: 'probe by agent', kind: 2, key: 'user_agent.original', value: 'kube-probe/1.36', probe: true },
  { name: 'order', kind: 2, key: 'url.path', value: '/orders', probe: false },
  { name: 'order of health', kind: 2, key: 'url.path', value: '/healthy-food', probe: false },
  { name: 'call of a probe', kind: 3, key: 'url.path', value: '/healthz', probe: false },
]

// The agent finds gateways by DNS; the name of an address is the address, so its resolver runs as shipped.
test.each(['agent', 'sidecar', 'single'] as const)(
  '%s starts with its required settings and passes a trace on',
  async role => {
    const receiver = await startReceiver()
    const env = {
      GATEWAY_HOST: '127.0.0.1',
      GATEWAY_PORT: String(receiver.port),
      GATEWAYS: `[127.0.0.1:${receiver.port}]`,
      GATEWAY_INSECURE: 'true',
      TEMPO_ENDPOINT: `127.0.0.1:${receiver.port}`,
      DECISION_WAIT: '100ms',
      KEEP_PERCENT: '100',
    }
    const collector = await startShipped(role, env, withoutKubernetes)
    try {
      const health = await fetch(`http://127.0.0.1:${collector.ports.health}/`)
      expect(health.status).toBe(200)
      const spans = arriving.map(({ name, kind, key, value }, at) => ({
        traceId: `0af7651916cd43dd8448eb211c80319${at}`,
        spanId: `b7ad6b716920333${at}`,
        name,
        kind,
        startTimeUnixNano: '1700000000000000000',
        endTimeUnixNano: '1700000000100000000',
        attributes: [{ key, value: { stringValue: value } }],
      }))
      const sent = await fetch(`http://127.0.0.1:${collector.ports.http}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          resourceSpans: [{ scopeSpans: [{ spans }] }],
        }),
      })
      expect(sent.status).toBe(200)
      for (const { name } of arriving.filter(({ probe }) => !probe)) await expectTrace(receiver, { name })
      for (const { name } of arriving.filter(({ probe }) => probe)) await expectNoTrace(receiver, { name })
      expect(await collector.page('self')).toMatch(/^otelcol_process_uptime/m)
      expect(collector.output()).not.toMatch(/deprecated|is an alias/i)
    } finally {
      await collector.dispose()
      await receiver.close()
    }
  },
  60_000,
)
