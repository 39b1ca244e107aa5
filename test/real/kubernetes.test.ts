// The manifests as kustomize builds them, and a service with the environment they give it: what the downward API would
// fill in is filled in here, the rest is the real preload.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expectTrace, runApp, startReceiver } from '@org/otel-devtools/testing'
import { parse } from 'yaml'
import { installControlPlane } from './parts/control-plane.ts'
import { installCollector } from './parts/install.ts'
import { deployHome, requiredEnv } from './parts/shipped.ts'

/** What a cluster would say about one pod. */
const pod: Record<string, string> = {
  'status.hostIP': '127.0.0.1',
  'metadata.name': 'api-gateway-7d9c5-x2x4k',
  'metadata.namespace': 'payments',
  'metadata.uid': '5c0a6a3e-6f6c-4d7c-8f0a-0f5c8b1f2a11',
  'spec.nodeName': 'node-7',
  "metadata.labels['app.kubernetes.io/name']": 'api-gateway',
  "metadata.labels['app.kubernetes.io/version']": '2.4.0',
}

/** As the kubelet does it: in order, `$(NAME)` only of what stands before. */
function fillEnvironment(entries: readonly any[]): Record<string, string> {
  const env: Record<string, string> = {}
  for (const { name, value, valueFrom } of entries) {
    const text = valueFrom === undefined ? value : pod[valueFrom.fieldRef.fieldPath]
    if (text === undefined) throw new Error(`nothing for ${name}`)
    env[name] = text.replace(/\$\((\w+)\)/g, (all: string, used: string) => env[used] ?? all)
  }
  return env
}

test('a service with the environment of the patch says who and where it is, and sends to its node', async () => {
  const patch = parse(
    readFileSync(join(deployHome, 'kubernetes/service/base-image/environment.yaml'), 'utf8'),
  )
  const env = fillEnvironment(patch.spec.template.spec.containers[0].env)
  expect(env.OTEL_EXPORTER_OTLP_ENDPOINT).toBe('http://127.0.0.1:4317')

  // The agent's port on this machine is another one.
  const receiver = await startReceiver()
  const app = await runApp(
    `const server = require('node:http').createServer((req, res) => res.end('ok'))
server.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))`,
    {
      cwd: join(__dirname, '..'),
      module: 'cjs',
      receiver,
      env: {
        ...env,
        OTEL_EXPORTER_OTLP_ENDPOINT: env.OTEL_EXPORTER_OTLP_ENDPOINT!.replace('4317', String(receiver.port)),
      },
    },
  )
  try {
    await app.get('/')
    const { match } = await expectTrace(receiver, { kind: 'server', service: 'api-gateway' })
    expect(match.resource.attributes).toMatchObject({
      'service.name': 'api-gateway',
      'service.version': '2.4.0',
      'deployment.environment.name': 'production',
      'k8s.namespace.name': 'payments',
      'k8s.pod.name': 'api-gateway-7d9c5-x2x4k',
      'k8s.pod.uid': '5c0a6a3e-6f6c-4d7c-8f0a-0f5c8b1f2a11',
      'k8s.node.name': 'node-7',
      'k8s.container.name': 'app',
    })
    // Every variable is one the preload knows: a misspelt name would be said.
    expect(app.stderr).not.toMatch(/ORG_OTEL_CONFIG/)
  } finally {
    await app.dispose()
    await receiver.close()
  }
}, 60_000)

test('deploy:check, with the Collector to help it, finds no error in what is shipped', () => {
  const collector = installCollector()
  const queue = mkdtempSync(join(tmpdir(), 'real-check-'))
  try {
    const done = spawnSync(process.execPath, [join(deployHome, 'check.ts'), '--collector', collector], {
      encoding: 'utf8',
      env: {
        ...process.env,
        ...requiredEnv,
        // Without kubectl no overlay would be built, and nothing be found in them.
        PATH: `${installControlPlane()}:${process.env.PATH}`,
        NODE_OPTIONS: '',
        QUEUE_DIRECTORY: queue,
      },
    })
    expect({ status: done.status, errors: done.stdout.match(/^ERROR.*$/gm), said: done.stderr }).toEqual({
      status: 0,
      errors: null,
      said: '',
    })
    expect(done.stdout).toMatch(
      /4 Collector configurations, \d+ manifests, \d\d overlays, 1 Compose files: 0 errors/,
    )
  } finally {
    rmSync(queue, { recursive: true, force: true })
  }
}, 1_200_000)
