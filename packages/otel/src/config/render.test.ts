import { machine } from '../../test/config/machine.ts'
import type { Facts } from './facts.ts'
import { renderSettings, renderStartupLine } from './render.ts'
import { resolveConfig } from './resolve.ts'

const facts: Facts = {
  ...machine,
  readText: path => (path === '/srv/app/package.json' ? '{"name":"checkout","version":"1.2.0"}' : undefined),
}

function line(env: Record<string, string>, instrumented = ['http', 'pg']): string {
  return renderStartupLine(resolveConfig({ env, facts }).config, instrumented)
}

describe('the startup line', () => {
  test.each([
    [
      {},
      'service=checkout 1.2.0 -> grpc localhost:4317 | sampler parentbased always_on | instrumenting http, pg',
    ],
    [
      {
        NODE_ENV: 'production',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'https://gw.example.com:4318/otlp',
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.1',
      },
      'service=checkout 1.2.0 (production) -> http/protobuf https://gw.example.com:4318/otlp | sampler ratio 0.1 | instrumenting http, pg',
    ],
    [
      { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_LOGS_EXPORTER: 'otlp' },
      'service=checkout 1.2.0 -> grpc localhost:4317 (traces, logs), prometheus on localhost:9464 (metrics) | sampler parentbased always_on | instrumenting http, pg',
    ],
    [
      { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
      'service=checkout 1.2.0 -> nowhere (all exporters are none) | sampler parentbased always_on | instrumenting http, pg',
    ],
    [
      {
        ORG_OTEL_SAMPLING: 'keep-errors',
        ORG_OTEL_SAMPLING_MAX_PER_SECOND: '50',
        ORG_OTEL_SAMPLING_RULES: '/a=drop',
      },
      'service=checkout 1.2.0 -> grpc localhost:4317 | sampler parentbased always_on + errors and > 1000 ms, at most 50/s, 1 rule | instrumenting http, pg',
    ],
  ])('for %j says it all on one line', (env, expected) => {
    expect(line(env as unknown as Record<string, string>)).toBe(expected)
  })

  test('shortens a long list and says when there is nothing', () => {
    expect(line({}, [])).toContain('instrumenting nothing')
    expect(
      line(
        {},
        Array.from({ length: 20 }, (_, i) => `lib${i}`),
      ),
    ).toMatch(/lib11 and 8 more$/)
  })

  test('never shows credentials', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:canary@c:4317',
      OTEL_EXPORTER_OTLP_HEADERS: 'k=canary',
    }
    expect(line(env)).not.toContain('canary')
  })
})

test('the list of settings names what was set and where, and hides what is secret', () => {
  const { origins } = resolveConfig({
    env: {
      OTEL_BSP_SCHEDULE_DELAY: '500',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=canary',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:canary@c:4317',
    },
    facts,
    code: [{ key: 'serviceName', value: 'x', at: 'serviceName' }],
  })
  const lines = renderSettings(origins)
  expect(lines).toEqual([
    'serviceName (code)',
    'OTEL_EXPORTER_OTLP_ENDPOINT=<hidden> (environment)',
    'OTEL_EXPORTER_OTLP_HEADERS=<hidden> (environment)',
    'OTEL_BSP_SCHEDULE_DELAY="500" (environment)',
  ])
})
