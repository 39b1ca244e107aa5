import { prefersOpenMetrics } from './accept.ts'

const om = 'application/openmetrics-text'

test.each<[accept: unknown, expected: boolean, why: string]>([
  [undefined, false, 'nothing was asked'],
  ['', false, 'nothing was asked'],
  [om, true, 'it is named'],
  [`${om};version=1.0.0`, true, 'in our version'],
  [`${om}; version="0.0.1"; charset=utf-8`, true, 'quoted, with spaces'],
  ['Application/OpenMetrics-Text', true, 'media types have no case'],
  [`${om};version=2.0.0`, false, 'a version we do not speak'],
  [
    `${om};version=1.0.0;q=0.5,${om};version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2`,
    true,
    'Prometheus 2',
  ],
  [
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,' +
      `${om};version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4,*/*;q=0.2`,
    true,
    'Prometheus 3 with native histograms',
  ],
  [`text/plain;q=0.9,${om};q=0.2`, false, 'plain weighs more'],
  [`text/plain;q=0.5,${om};q=0.5`, true, 'a tie goes to what was named'],
  [`${om};q=0`, false, 'refused'],
  [`${om};q=0,*/*`, false, 'refused, whatever else is taken'],
  [`${om};q=0.5,*/*;q=0.8`, false, 'the wildcard makes plain weigh more'],
  [`${om};q=0.5,text/*;q=0.4,*/*;q=0.9`, true, 'the most specific range decides for plain'],
  ['*/*', false, 'a wildcard asks for nothing'],
  ['application/*', false, 'nor does half of one'],
  ['text/plain', false, 'plain'],
  [`${om};q=nonsense`, false, 'a weight nobody can read'],
  [`${om};q=1.5`, false, 'a weight above one'],
  [`${om};q=-1`, false, 'a weight below zero'],
  [`${om};q=0.8.1,${om};q=0.1`, true, 'the unreadable range does not count, the other does'],
  [`x${om}`, false, 'another type'],
  [`;;;,,,${om},,;=;q`, true, 'noise around it'],
  [`${om},${'x'.repeat(5000)}`, false, 'longer than any scraper'],
  [['application/openmetrics-text'], false, 'not text'],
  [42, false, 'not text'],
])('%j -> %s: %s', (accept, expected) => {
  expect(prefersOpenMetrics(accept)).toBe(expected)
})
