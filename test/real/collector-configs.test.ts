// The shipped Collector configurations against the real Collector: it accepts them, without a word about deprecation.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installCollector } from './parts/install.ts'
import { freePort } from './parts/process.ts'
import { collectorRoles, requiredEnv, shippedFile, startShipped, withoutKubernetes } from './parts/shipped.ts'

let binary: string
let scratch: string
beforeAll(() => {
  binary = installCollector()
  scratch = mkdtempSync(join(tmpdir(), 'real-validate-'))
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

test.each(['sidecar', 'single'] as const)(
  '%s starts with nothing but its required settings',
  async role => {
    const collector = await startShipped(role, { GATEWAYS: `[127.0.0.1:${await freePort()}]` }, config => {
      if (role === 'single') withoutKubernetes(config)
    })
    try {
      const health = await fetch(`http://127.0.0.1:${collector.ports.health}/`)
      expect(health.status).toBe(200)
      expect(await collector.page('self')).toMatch(/^otelcol_process_uptime/m)
      expect(collector.output()).not.toMatch(/deprecated|is an alias/i)
    } finally {
      await collector.dispose()
    }
  },
  60_000,
)
