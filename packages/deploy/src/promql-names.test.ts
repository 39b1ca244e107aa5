import { readPromqlNames, withoutVariables } from './promql-names.ts'

test.each([
  ['up', [{ metric: 'up', labels: [] }], []],
  [
    'sum by (le, job) (rate(a_bucket{b="c", d=~"e"}[5m]))',
    [{ metric: 'a_bucket', labels: ['b', 'd'] }],
    ['le', 'job'],
  ],
  [
    'a / on (x) group_left (y) b{z!=""}',
    [
      { metric: 'a', labels: [] },
      { metric: 'b', labels: ['z'] },
    ],
    ['x', 'y'],
  ],
  ['service:a:rate5m offset 1w', [{ metric: 'service:a:rate5m', labels: [] }], []],
])('%s is read', (expr, selectors, grouping) => {
  expect(readPromqlNames(expr)).toEqual({ selectors, grouping, errors: [] })
})

test.each(['sum(', 'a{b=}', 'a + '])('%s is not PromQL', expr => {
  expect(readPromqlNames(expr).errors).not.toEqual([])
})

test("Grafana's variables become something Prometheus can read", () => {
  expect(withoutVariables('rate(a{b=~"$service", c=~"$topic"}[$__rate_interval])')).toBe(
    'rate(a{b=~".*", c=~".*"}[5m])',
  )
})
