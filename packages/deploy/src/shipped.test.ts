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

test.each([
  ['gateway', gateway],
  ['single', single],
])('%s counts what enters and leaves a service, each service up to a limit of its own', (_role, config) => {
  const { span_metrics: metrics } = config.connectors
  expect(config.service.pipelines['traces/measure'].processors[0]).toBe('filter/inner')
  const [condition] = config.processors['filter/inner'].trace_conditions
  expect(condition.match(/SPAN_KIND_[A-Z]+/g).sort()).toEqual(
    ['SERVER', 'CLIENT', 'CONSUMER', 'PRODUCER'].map(kind => `SPAN_KIND_${kind}`).sort(),
  )
  // The connector's limit is one of each resource: without its key, or with one limit for a shared key, it would be everybody's.
  expect(metrics.resource_metrics_key_attributes).toEqual(
    expect.arrayContaining(['service.name', 'service.instance.id']),
  )
  expect(metrics.aggregation_cardinality_limit).toBeLessThanOrEqual(2000)
})

test('one release of the Collector everywhere', () => {
  const files = [
    'collector/builder.yaml',
    'kubernetes/base/kustomization.yaml',
    'kubernetes/overlays/single/kustomization.yaml',
    'kubernetes/service/sidecar/kustomization.yaml',
    'compose/compose.yaml',
  ]
  for (const file of files) {
    const text = read(file).replaceAll(/^#.*$/gm, '')
    expect(text).toContain(collectorVersion)
    const others = text.match(/0\.1[0-9]{2}\.\d+/g)!.filter(found => found !== collectorVersion)
    expect(others).toEqual([])
  }
})

const bytes = (text: string) => Number.parseFloat(text) * { Mi: 2 ** 20, Gi: 2 ** 30 }[text.slice(-2)]!
const documents = (file: string): any[] => parseAllDocuments(read(file)).map(each => each.toJS())

test.each([
  ['agent', 'kubernetes/base/agent.yaml', agent],
  ['gateway', 'kubernetes/base/gateway.yaml', gateway],
  ['single Collector', 'kubernetes/overlays/single/collector.yaml', single],
  ['sidecar', 'kubernetes/service/sidecar/collector.yaml', sidecar],
])('the %s stays within its limits, its priority and its rights', (role, file, config) => {
  const workload = documents(file).find(({ spec }) => spec?.template !== undefined)
  const pod = workload.spec.template.spec
  const container = role === 'sidecar' ? pod.initContainers[0] : pod.containers[0]
  const env = Object.fromEntries(container.env.map(({ name, value }: any) => [name, value]))
  const { requests, limits } = container.resources
  // Throttled telemetry is late when there is most of it.
  expect(limits.cpu).toBeUndefined()
  expect(requests.cpu).toMatch(/^\d+m$/)
  expect(bytes(requests.memory)).toBeLessThanOrEqual(bytes(limits.memory))
  const ceiling = role === 'sidecar' ? Number(env.LIMIT_MIB) * 2 ** 20 : bytes(limits.memory)
  expect(ceiling).toBeLessThan(bytes(limits.memory) + 1)
  expect(bytes(env.GOMEMLIMIT.slice(0, -1)) / ceiling).toBeCloseTo(0.8, 1)

  // A pod of somebody else's has somebody else's priority.
  const priority = documents('kubernetes/common/priority-class.yaml')[0].metadata.name
  expect(pod.priorityClassName).toBe(role === 'sidecar' ? undefined : priority)
  expect({ ...pod.securityContext, ...container.securityContext }).toMatchObject({
    runAsNonRoot: true,
    runAsUser: 10001,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  })

  // The queues of all signals have room in their volume, and a tenth is left for what the file format needs.
  const queues = Object.values<any>(config.exporters).filter(each => each.sending_queue !== undefined)
  const each = Number(env.QUEUE_BYTES ?? /:-(\d+)\}/.exec(queues[0].sending_queue.queue_size)![1])
  const claim = workload.spec.volumeClaimTemplates?.[0].spec.resources.requests.storage
  const volume = claim ?? pod.volumes.find((one: any) => one.emptyDir !== undefined).emptyDir.sizeLimit
  expect(each * queues.length).toBeLessThan(0.9 * bytes(volume))
})

test('the unit for virtual machines sets variables that its configuration has, and memory in the right order', () => {
  const unit = read('collector/sidecar/otelcol.service')
  const env = Object.fromEntries([...unit.matchAll(/^Environment=(\w+)=(.+)$/gm)].map(([, k, v]) => [k, v!]))
  const known = new Set(
    [...read('collector/sidecar/config.yaml').matchAll(/\$\{env:(\w+)/g)].map(([, k]) => k),
  )
  const { GOMEMLIMIT, ...ours } = env
  expect(Object.keys(ours).filter(name => !known.has(name))).toEqual([])
  const max = Number(/^MemoryMax=(\d+)M$/m.exec(unit)![1])
  expect(Number.parseInt(GOMEMLIMIT!, 10)).toBeLessThan(Number(env.LIMIT_MIB))
  expect(Number(env.LIMIT_MIB)).toBeLessThan(max)
  // StateDirectory is where the queue is by default.
  expect(sidecar.extensions['file_storage/queue'].directory).toContain(
    `/var/lib/${/^StateDirectory=(\w+)$/m.exec(unit)![1]}/`,
  )
  expect(unit).toContain(collectorVersion)
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
  const [base, one] = ['kubernetes/base', 'kubernetes/overlays/single']
  const workloads = [`${base}/agent.yaml`, `${base}/gateway.yaml`, `${one}/collector.yaml`].flatMap(documents)
  const policies = [base, one].flatMap(folder => documents(`${folder}/network-policy.yaml`))
  expect(policies).toHaveLength(3)
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
