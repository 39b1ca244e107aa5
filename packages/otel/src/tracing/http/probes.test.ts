import { buildProbeFilter } from './probes.ts'

const { isProbePath, isProbeAgent } = buildProbeFilter({
  probePaths: ['/healthz', '/internal/*/status', '/deep/**', '/a.b'],
  probeUserAgents: ['kube-probe/', 'GoogleHC'],
})

it.each([
  ['/healthz', true],
  ['/healthz/', false],
  ['/healthzz', false],
  ['/internal/x/status', true],
  ['/internal/x/y/status', false],
  ['/deep/x/y', true],
  ['/aXb', false],
  ['/a.b', true],
])('%s is a probe: %s', (path, expected) => {
  expect(isProbePath(path)).toBe(expected)
})

it.each([
  ['kube-probe/1.31', true],
  ['Mozilla (compatible; googlehc/1.0)', true],
  ['curl/8', false],
])('the user agent %s is a probe: %s', (agent, expected) => {
  expect(isProbeAgent(agent)).toBe(expected)
})
