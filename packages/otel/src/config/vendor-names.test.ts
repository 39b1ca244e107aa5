import { settings } from './settings.ts'
import { checkNames } from './typo.ts'
import { listVendorSettings } from './vendor-names.ts'

test.each<[Record<string, string>, string[]]>([
  [{}, []],
  [{ DD_SERVICE: '', DDD_X: 'a', SENTRYX: 'b', NEW_RELICS: 'c' }, []],
  [
    { DD_SERVICE: 'shop', DD_ENV: 'prod', DD_FOO: 'x' },
    [
      'DD_* (environment): settings of Datadog have no effect on us; ours are: DD_ENV -> deployment.environment.name in OTEL_RESOURCE_ATTRIBUTES, DD_SERVICE -> OTEL_SERVICE_NAME, 1 more of DD_*',
    ],
  ],
  [
    { ELASTIC_APM_SERVER_URL: 'http://user:secret@apm', SENTRY_DSN: 'https://key@sentry' },
    [
      'ELASTIC_APM_* (environment): settings of Elastic APM have no effect on us; ours are: ELASTIC_APM_SERVER_URL -> OTEL_EXPORTER_OTLP_ENDPOINT',
      'SENTRY_* (environment): settings of Sentry have no effect on us; ours are: SENTRY_DSN -> OTEL_EXPORTER_OTLP_ENDPOINT',
    ],
  ],
  [
    { NEW_RELIC_APP_NAME: 'shop' },
    [
      'NEW_RELIC_* (environment): settings of New Relic have no effect on us; ours are: NEW_RELIC_APP_NAME -> OTEL_SERVICE_NAME',
    ],
  ],
])('%j is noticed once for each agent', (env, expected) => {
  const problems = checkNames(env)
  expect(problems.map(({ subject, message }) => `${subject}: ${message}`)).toEqual(expected)
  expect(problems.every(({ level }) => level === 'info')).toBe(true)
})

test('what is named as ours exists', () => {
  const known = new Set<string>(settings.flatMap(row => row.env))
  const named = listVendorSettings().map(text => text.split(' ').at(-1)!)
  expect(named.length).toBeGreaterThan(8)
  expect(named.filter(name => !known.has(name))).toEqual([])
})
