// The manifests against the API server of Kubernetes: accepted as docs/deploy.md applies them, and with the rights
// they give, and no others, the Collectors name the pods that send.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expectTrace, type Receiver, startReceiver } from '@org/otel-devtools/testing'
import { type ControlPlane, startControlPlane } from './parts/control-plane.ts'
import { installCollector } from './parts/install.ts'
import { until } from './parts/process.ts'
import { type CollectorRole, deployHome, startShipped } from './parts/shipped.ts'

const root = resolve(__dirname, '../..')
const manifests = join(deployHome, 'kubernetes')
const overlay = (name: string) => join(manifests, 'overlays', name)
let cluster: ControlPlane
let receiver: Receiver

beforeAll(async () => {
  // Built here, if it has to be: a test has a minute.
  installCollector()
  cluster = await startControlPlane()
  receiver = await startReceiver()
  for (const name of ['observability', 'payments']) cluster.must(['create', 'namespace', name])
}, 1_200_000)

afterAll(async () => {
  await receiver?.close()
  await cluster?.stop()
}, 60_000)

/** What kubectl warns of when a folder is applied; fails when it is not accepted. */
function apply(folder: string, ...more: string[]): string[] {
  const { status, stderr } = cluster.kubectl(['apply', '-k', folder, ...more])
  expect({ folder, status, errors: stderr.match(/^(?!Warning:).+$/gm) ?? [] }).toEqual({
    folder,
    status: 0,
    errors: [],
  })
  return stderr.match(/^Warning: .+$/gm) ?? []
}

test('every overlay is accepted, and all of it but the host ports of the agents is fit for a restricted namespace', () => {
  const warnings = ['production', 'dedicated-nodes', 'single'].flatMap(name => apply(overlay(name)))
  // `create namespace` left no note for `apply`; kubectl says so once.
  const unfit = warnings.filter(warning => !warning.includes('last-applied-configuration'))
  expect(unfit.length).toBeGreaterThan(0)
  for (const warning of unfit) {
    expect(warning).toMatch(/violate PodSecurity "restricted:latest": hostPort \(container "collector" uses/)
  }
  const of = (kind: string, path: string) =>
    cluster
      .must(['-n', 'observability', 'get', kind, '-o', `jsonpath={.items[*].${path}}`])
      .split(' ')
      .sort()
  expect(of('daemonset', 'metadata.name')).toEqual(['otel-agent'])
  expect(of('statefulset', 'metadata.name')).toEqual(['otel-collector', 'otel-gateway'])
  expect(of('networkpolicy', 'metadata.name')).toEqual(['otel-agent', 'otel-collector', 'otel-gateway'])
  expect(of('statefulset', 'spec.template.spec.nodeSelector.dedicated')).toEqual(['telemetry'])
}, 120_000)

test.each(['base-image', 'init-container', 'sidecar'])(
  'a service with the component %s is accepted',
  component => {
    // A copy of the folder, as a platform team has it, with the component exchanged.
    const copy = mkdtempSync(join(tmpdir(), 'real-example-'))
    try {
      for (const part of ['kubernetes', 'collector'])
        cpSync(join(deployHome, part), join(copy, part), { recursive: true })
      const file = join(copy, 'kubernetes/example/kustomization.yaml')
      writeFileSync(file, readFileSync(file, 'utf8').replace('service/base-image', `service/${component}`))
      const built = cluster.must(['kustomize', join(copy, 'kubernetes/example')])
      const { status, stderr } = cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], built)
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  },
  60_000,
)

test('a field that does not exist, or that the downward API does not have, is refused', () => {
  const built = cluster.must(['kustomize', join(manifests, 'example')])
  const refused = (from: string, to: string) => {
    expect(built).toContain(from)
    return cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], built.replaceAll(from, to)).stderr
  }
  expect(refused('readinessProbe:', 'readynessProbe:')).toMatch(/unknown field "[\w.[\]]*readynessProbe"/)
  expect(refused('status.hostIP', 'status.nodeIP')).toMatch(/status\.nodeIP/)
})

describe('resources of operators', () => {
  const instrumentation = join(manifests, 'operator/instrumentation.yaml')

  test('without their definitions kubectl says what docs/deploy.md quotes', () => {
    expect(cluster.kubectl(['apply', '-f', instrumentation]).stderr).toMatch(
      /no matches for kind "Instrumentation" in version "opentelemetry\.io\/v1alpha1"/,
    )
    expect(cluster.kubectl(['apply', '-k', overlay('prometheus-operator')]).stderr).toMatch(
      /no matches for kind "ServiceMonitor"/,
    )
  })

  test('with them they are accepted, unknown fields refused', () => {
    cluster.define('opentelemetry-operator')
    cluster.define('prometheus-operator')
    const { status, stderr } = cluster.kubectl(['apply', '-f', instrumentation])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(apply(overlay('prometheus-operator'))).toEqual([])
    const wrong = cluster.must(['get', '-n', 'observability', 'instrumentation', 'node', '-o', 'json'])
    expect(
      cluster.kubectl(
        ['apply', '--dry-run=server', '-f', '-'],
        wrong.replace('"volumeLimitSize"', '"volumeSizeLimit"'),
      ).stderr,
    ).toMatch(/unknown field "spec\.nodejs\.volumeSizeLimit"/)
  }, 120_000)
})

const labels = {
  'app.kubernetes.io/name': 'api-gateway',
  'app.kubernetes.io/version': '2.4.0',
  // From the controller of Deployments, which is not here: with it the name of the ReplicaSet gives the Deployment's.
  'pod-template-hash': '7d9c5',
}

/** A pod as a cluster would have made it of the example; returns its uid. */
function makePod(name: string, node: string, ip: string): string {
  const owner = (kind: string, of: string) => [
    {
      apiVersion: 'apps/v1',
      kind,
      name: of,
      uid: cluster.must(['-n', 'payments', 'get', kind, of, '-o', 'jsonpath={.metadata.uid}']),
      controller: true,
    },
  ]
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'app', image: 'registry.example.com/payments/api-gateway:2.4.0' }] },
  }
  cluster.must(['apply', '-f', '-'], {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: 'api-gateway-7d9c5',
      namespace: 'payments',
      ownerReferences: owner('Deployment', 'api-gateway'),
    },
    spec: { selector: { matchLabels: labels }, template },
  })
  cluster.must(['apply', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'payments',
      labels,
      ownerReferences: owner('ReplicaSet', 'api-gateway-7d9c5'),
    },
    spec: { ...template.spec, nodeName: node },
  })
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] }
  cluster.must([
    ...['-n', 'payments', 'patch', 'pod', name, '--subresource=status', '--type=merge'],
    ...['-p', JSON.stringify({ status })],
  ])
  return cluster.must(['-n', 'payments', 'get', 'pod', name, '-o', 'jsonpath={.metadata.uid}'])
}

/** A shipped configuration with the token of its service account, which a pod would have as a file. */
function startWithRights(role: CollectorRole, serviceAccount: string) {
  const env = {
    KUBECONFIG: cluster.kubeconfigOf('observability', serviceAccount),
    GATEWAY_HOST: '127.0.0.1',
    GATEWAY_PORT: String(receiver.port),
    TEMPO_ENDPOINT: `127.0.0.1:${receiver.port}`,
    DECISION_WAIT: '100ms',
    KEEP_PERCENT: '100',
  }
  return startShipped(role, env, config => {
    config.processors.k8s_attributes.auth_type = 'kubeConfig'
  })
}

let sent = 0
/** Sends one span of a resource; returns what its resource has become. */
async function enriched(port: number, resource: Record<string, string>): Promise<Record<string, unknown>> {
  const name = `span ${++sent}`
  const id = sent.toString(16).padStart(16, '0')
  const span = {
    traceId: `${id}${id}`,
    spanId: id,
    name,
    kind: 2,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000000100000000',
  }
  const attributes = Object.entries(resource).map(([key, stringValue]) => ({ key, value: { stringValue } }))
  const body = { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: [span] }] }] }
  const answer = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(200)
  return (await expectTrace(receiver, { name })).match.resource.attributes
}

describe('k8s_attributes', () => {
  let here: string
  let elsewhere: string
  const expected = {
    'k8s.namespace.name': 'payments',
    'k8s.deployment.name': 'api-gateway',
    'service.name': 'api-gateway',
    'service.version': '2.4.0',
  }

  beforeAll(() => {
    cluster.must(['-n', 'payments', 'create', 'serviceaccount', 'default'])
    apply(join(manifests, 'example'))
    here = makePod('api-gateway-7d9c5-aaaaa', 'node-1', '127.0.0.1')
    elsewhere = makePod('api-gateway-7d9c5-bbbbb', 'node-2', '10.0.0.9')
  }, 60_000)

  test('the agent names the pods of its node, by uid or by the address they send from, and believes the SDK first', async () => {
    const agent = await startWithRights('agent', 'otel-agent')
    try {
      const onThisNode = {
        ...expected,
        'k8s.pod.name': 'api-gateway-7d9c5-aaaaa',
        'k8s.pod.uid': here,
        'k8s.node.name': 'node-1',
      }
      await until('the agent to know its pods', async () =>
        Object.hasOwn(await enriched(agent.ports.http, { 'k8s.pod.uid': here }), 'k8s.deployment.name'),
      )
      expect(await enriched(agent.ports.http, { 'k8s.pod.uid': here })).toEqual(onThisNode)
      expect(await enriched(agent.ports.http, {})).toMatchObject(onThisNode)
      expect(
        await enriched(agent.ports.http, {
          'k8s.pod.uid': here,
          'service.name': 'shop',
          'service.version': '9',
        }),
      ).toEqual({ ...onThisNode, 'service.name': 'shop', 'service.version': '9' })
      // Another node's pod belongs to another agent.
      expect(await enriched(agent.ports.http, { 'k8s.pod.uid': elsewhere })).toEqual({
        'k8s.pod.uid': elsewhere,
      })
      expect(agent.output()).not.toMatch(/forbidden/)
    } finally {
      await agent.dispose()
    }
  }, 60_000)

  test('the single Collector names the pods of all nodes', async () => {
    const single = await startWithRights('single', 'otel-collector')
    try {
      await until('the Collector to know its pods', async () =>
        Object.hasOwn(await enriched(single.ports.http, { 'k8s.pod.uid': elsewhere }), 'k8s.deployment.name'),
      )
      expect(await enriched(single.ports.http, { 'k8s.pod.uid': elsewhere })).toEqual({
        ...expected,
        'k8s.pod.name': 'api-gateway-7d9c5-bbbbb',
        'k8s.pod.uid': elsewhere,
        'k8s.node.name': 'node-2',
      })
    } finally {
      await single.dispose()
    }
  }, 60_000)

  test('their rights end at reading pods; without them the agent says what docs/deploy.md quotes', async () => {
    const may = (account: string, ...what: string[]) =>
      cluster
        .kubectl(['auth', 'can-i', ...what, `--as=system:serviceaccount:observability:${account}`])
        .stdout.trim()
    for (const account of ['otel-agent', 'otel-collector']) {
      expect(may(account, 'list', 'pods')).toBe('yes')
      for (const what of [
        ['list', 'secrets'],
        ['list', 'nodes'],
        ['get', 'configmaps'],
        ['delete', 'pods'],
        ['patch', 'deployments.apps'],
      ]) {
        expect({ account, what, may: may(account, ...what) }).toEqual({ account, what, may: 'no' })
      }
    }
    cluster.must(['delete', 'clusterrolebinding', 'otel-agent'])
    const agent = await startWithRights('agent', 'otel-agent')
    try {
      await until('its complaint', () => /pods is forbidden/.test(agent.output()))
    } finally {
      await agent.dispose()
    }
  }, 60_000)
})

test('the commands of "raise sampling" change the gateways, and the last one takes it back', () => {
  const page = readFileSync(join(root, 'docs/runbooks/raise-sampling.md'), 'utf8')
  const section = page.slice(page.indexOf('## In the gateway'), page.indexOf('## In the services'))
  // Nobody rolls anything out here.
  const commands = section.match(/^ {4}kubectl (?!.*rollout status).+$/gm)!.map(line => line.trim())
  expect(commands).toHaveLength(3)
  const perform = (command: string) => {
    const env = { ...process.env, ...cluster.env, NS: 'observability' }
    const { status, stderr } = spawnSync('sh', ['-ec', command], { cwd: root, env, encoding: 'utf8' })
    expect({ command, status, stderr: stderr.replace(/^Warning: .+\n/gm, '') }).toEqual({
      command,
      status: 0,
      stderr: '',
    })
  }
  const read = () => {
    const text = cluster.must(['-n', 'observability', 'get', 'statefulset', 'otel-gateway', '-o', 'json'])
    const entries: { name: string; value?: string }[] = JSON.parse(text).spec.template.spec.containers[0].env
    const env = Object.fromEntries(entries.map(({ name, value }) => [name, value]))
    return { percent: env.KEEP_PERCENT, services: env.KEEP_SERVICES }
  }
  apply(overlay('production'))
  const before = read()
  expect(before).toEqual({ percent: '10', services: '[payouts]' })
  for (const command of commands.slice(0, 2)) perform(command)
  expect(read()).toEqual({ percent: '100', services: '[payment-orchestrator, accounts-ledger]' })
  perform(commands[2]!)
  expect(read()).toEqual(before)
}, 60_000)
