// What several of the shipped files have to agree on.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { collectorVersion } from './check/collector-names.ts'
import { prometheusRuleFile, renderPrometheusRule } from './prometheus-rule.ts'
import { settings } from './rules/settings.ts'

const home = join(__dirname, '..')
const read = (file: string) => readFileSync(join(home, file), 'utf8')
const collector = (role: string) => parse(read(`collector/${role}/config.yaml`), { merge: true })
const [agent, gateway, single, sidecar] = ['agent', 'gateway', 'single', 'sidecar'].map(collector)
const seconds = (text: string) => Number.parseFloat(text) / (text.endsWith('ms') ? 1000 : 1)

test('the single tier is the gateway with what an agent adds, and nothing else', () => {
  const { k8s_attributes, 'filter/probes': probes, ...rest } = single.processors
  expect(rest).toEqual(gateway.processors)
  expect(probes).toEqual(agent.processors['filter/probes'])
  const { filter: _oneNode, ...enrich } = agent.processors.k8s_attributes
  expect(k8s_attributes).toEqual(enrich)
  for (const part of ['receivers', 'connectors', 'exporters', 'extensions'])
    expect(single[part]).toEqual(gateway[part])
})

test('agent and sidecar send in the same way, to gateways they find differently', () => {
  for (const name of ['load_balancing/traces', 'load_balancing/metrics', 'load_balancing/logs']) {
    const [ofAgent, ofSidecar] = [agent, sidecar].map(({ exporters }) => structuredClone(exporters[name]))
    for (const exporter of [ofAgent, ofSidecar]) {
      delete exporter.resolver
      // Outside the cluster the network is not ours.
      delete exporter.protocol.otlp.tls
    }
    expect(ofSidecar).toEqual(ofAgent)
  }
  expect(sidecar.processors['filter/probes']).toEqual(agent.processors['filter/probes'])
})

test.each([
  ['agent', agent],
  ['gateway', gateway],
  ['single', single],
  ['sidecar', sidecar],
])('%s guards every pipeline that receives, and loses nothing to a batch in memory', (_role, config) => {
  for (const { receivers, processors } of Object.values<any>(config.service.pipelines)) {
    if (receivers.includes('otlp')) expect(processors[0]).toBe('memory_limiter')
    expect(processors).not.toContain('batch')
  }
  for (const [name, exporter] of Object.entries<any>(config.exporters)) {
    if (name === 'prometheus') continue
    expect(exporter.sending_queue.storage).toBe('file_storage/queue')
    expect(exporter.retry_on_failure.max_elapsed_time).toBe(0)
  }
})

test('what is slow for the sampling is a boundary of the histogram and the objective of the alerts', () => {
  const slow = gateway.processors.tail_sampling.policies.find((each: any) => each.type === 'latency')
  const slowMs = Number(/:-(\d+)\}/.exec(slow.latency.threshold_ms)![1])
  const buckets: string[] = gateway.connectors.span_metrics.histogram.explicit.buckets
  const boundaries = buckets.map(text => seconds(text.replace(/\$\{env:SLOW_MS:-(\d+)\}/, '$1')))
  expect(boundaries).toContain(slowMs / 1000)
  expect(boundaries).toEqual([...boundaries].sort((a, b) => a - b))
  for (const objective of settings.objectives) expect(boundaries).toContain(objective.seconds)
  // Above the objective every trace is kept, so the exemplar of a violation leads somewhere.
  expect(Math.min(...settings.objectives.map(objective => objective.seconds)) * 1000).toBeGreaterThanOrEqual(
    slowMs,
  )
})

test('one release of the Collector everywhere', () => {
  const files = [
    'collector/builder.yaml',
    'kubernetes/base/kustomization.yaml',
    'kubernetes/overlays/single/kustomization.yaml',
    'compose/compose.yaml',
  ]
  for (const file of files) {
    const text = read(file).replaceAll(/^#.*$/gm, '')
    expect(text).toContain(collectorVersion)
    const others = text.match(/0\.1[0-9]{2}\.\d+/g)!.filter(found => found !== collectorVersion)
    expect(others).toEqual([])
  }
})

test('the Prometheus Operator gets the same rules (else: node src/generate.ts && node src/prometheus-rule.ts)', () => {
  expect(read(prometheusRuleFile)).toBe(renderPrometheusRule())
})

test('every base image is made in the same first stage', () => {
  const first = (flavour: string) => {
    const text = read(`docker/Dockerfile.${flavour}`)
    return text
      .slice(text.indexOf('AS otel'), text.indexOf('\nFROM', text.indexOf('AS otel')))
      .replaceAll(/^#.*\n?/gm, '')
      .trim()
  }
  expect(first('alpine')).toBe(first('debian'))
  expect(first('distroless')).toBe(first('debian'))
  expect(
    first('operator')
      .replaceAll('/autoinstrumentation', '/opt/otel')
      .replace('autoinstrumentation.js', 'register.cjs'),
  ).toBe(first('debian').replace(' && mkdir /app', ''))
})

test('the image carries the version and the API of this repository', () => {
  const { dependencies } = JSON.parse(read('docker/package.json'))
  const ours = JSON.parse(readFileSync(join(home, '../otel/package.json'), 'utf8'))
  const catalog = parse(readFileSync(join(home, '../../pnpm-workspace.yaml'), 'utf8')).catalog
  expect(dependencies).toEqual({
    '@org/otel': ours.version,
    '@opentelemetry/api': catalog['@opentelemetry/api'],
  })
})

test('whoever may send to a port of a Collector is let in by name of that port', () => {
  const workloads = ['agent', 'gateway'].flatMap(name =>
    parseAllDocuments(read(`kubernetes/base/${name}.yaml`)).map(document => document.toJS()),
  )
  const policies = parseAllDocuments(read('kubernetes/base/network-policy.yaml')).map(document =>
    document.toJS(),
  )
  for (const policy of policies) {
    const label = policy.spec.podSelector.matchLabels['app.kubernetes.io/name']
    const workload = workloads.find(
      each => each.spec?.template?.metadata.labels['app.kubernetes.io/name'] === label,
    )
    const ports = workload.spec.template.spec.containers[0].ports.map((port: any) => port.name)
    for (const { ports: allowed } of policy.spec.ingress) {
      for (const { port } of allowed) expect(ports).toContain(port)
    }
  }
})
