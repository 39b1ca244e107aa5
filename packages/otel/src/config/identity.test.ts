import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine } from '../../test/config/machine.ts'
import { findContainerId, parseCgroup, parseMountinfo } from './container-id.ts'
import { type Facts, readFacts } from './facts.ts'
import { type IdentityInput, identify } from './identity.ts'
import { localDetectors } from './settings.ts'

const id = 'a5'.repeat(32)
const other = 'b7'.repeat(32)

/** A machine made of a few files. */
function withFiles(files: Record<string, string> = {}, change: Partial<Facts> = {}): Facts {
  return {
    ...machine,
    entry: '/srv/app/dist/server.js',
    readText: (path, maxBytes) => files[path]?.slice(0, maxBytes),
    ...change,
  }
}

function identity(facts: Facts, change: Partial<IdentityInput> = {}) {
  return identify({
    facts,
    env: {},
    serviceName: undefined,
    attributes: {},
    detectors: new Set(localDetectors),
    hostId: false,
    ...change,
  })
}

function nameOf(facts: Facts, change: Partial<IdentityInput> = {}) {
  return identity(facts, change).attributes['service.name']
}

const manifest = '{"name":"@acme/checkout","version":"1.2.3"}'

describe('service.name', () => {
  const app = withFiles({ '/srv/app/package.json': manifest })

  test('is what was set', () => {
    const set = { serviceName: 'set', attributes: { 'service.name': 'listed' } }
    expect(nameOf(app, set)).toBe('set')
  })

  test('is that of the resource attributes next', () => {
    expect(nameOf(app, { attributes: { 'service.name': 'listed' } })).toBe('listed')
  })

  test('is that of the nearest package.json next, without the scope', () => {
    expect(identity(app).attributes).toMatchObject({ 'service.name': 'checkout', 'service.version': '1.2.3' })
    expect(identity(app).serviceNameFrom).toBe('package.json')
  })

  test('skips a package.json that only says what kind of modules are below it', () => {
    const files = { '/srv/app/dist/package.json': '{"type":"commonjs"}', '/srv/app/package.json': manifest }
    expect(nameOf(withFiles(files))).toBe('checkout')
  })

  test('is that of the project when the program is started by a tool in node_modules', () => {
    const files = {
      '/srv/app/package.json': manifest,
      '/srv/app/node_modules/next/package.json': '{"name":"next","version":"16.0.0"}',
    }
    const facts = withFiles(files, {
      entry: '/srv/app/node_modules/.bin/next',
      realPath: () => '/srv/app/node_modules/next/dist/bin/next',
    })
    expect(nameOf(facts)).toBe('checkout')
  })

  test('is that of the script that pm2 runs', () => {
    const files = { '/srv/other/package.json': '{"name":"other"}' }
    const facts = withFiles(files, {
      entry: '/usr/lib/node_modules/pm2/lib/ProcessContainerFork.js',
      cwd: '/',
    })
    expect(nameOf(facts, { env: { pm_exec_path: '/srv/other/server.js' } })).toBe('other')
  })

  test('is the function on AWS Lambda', () => {
    const env = { AWS_LAMBDA_FUNCTION_NAME: 'pay', AWS_LAMBDA_FUNCTION_VERSION: '7' }
    expect(identity(app, { env }).attributes).toMatchObject({ 'service.name': 'pay', 'service.version': '7' })
  })

  test('is unknown_service:node when nothing names it', () => {
    expect(nameOf(withFiles())).toBe('unknown_service:node')
    expect(identity(withFiles()).serviceNameFrom).toBe('unknown')
  })

  test('does not need an entry point', () => {
    expect(nameOf(withFiles({ '/srv/app/package.json': manifest }, { entry: undefined }))).toBe('checkout')
  })

  test.each([
    ['{"name": "x",', 'is not valid JSON'],
    ['[]', 'is not a JSON object'],
    ['{"name": 7}', 'has a name that is not a string'],
  ])('is unknown, and said, when package.json is %s', (text, why) => {
    const { attributes, problems } = identity(withFiles({ '/srv/app/package.json': text }))
    expect(attributes['service.name']).toBe('unknown_service:node')
    expect(problems).toEqual([
      {
        code: 'ORG_OTEL_PACKAGE_JSON',
        subject: '/srv/app/package.json',
        message: `${why}; service.name and service.version are not taken from it`,
      },
    ])
  })

  test('a byte order mark in package.json is no reason to give up', () => {
    expect(nameOf(withFiles({ '/srv/app/package.json': `\ufeff${manifest}` }))).toBe('checkout')
  })
})

describe('the resource', () => {
  test('describes process, host and runtime, and never the arguments of the process', () => {
    const { attributes } = identity(withFiles({ '/srv/app/package.json': manifest }), {
      env: { NODE_ENV: 'production' },
    })
    expect(attributes).toEqual({
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
      'telemetry.distro.name': 'org-otel',
      'telemetry.distro.version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
      'service.name': 'checkout',
      'service.version': '1.2.3',
      'service.instance.id': '00000000-0000-4000-8000-000000000000',
      'deployment.environment.name': 'production',
      'host.name': 'host-1',
      'host.arch': 'amd64',
      'os.type': 'linux',
      'os.version': '6.1.0',
      'process.pid': 42,
      'process.executable.name': 'node',
      'process.executable.path': '/usr/local/bin/node',
      'process.runtime.name': 'nodejs',
      'process.runtime.version': '24.21.0',
      'process.runtime.description': 'Node.js',
      'process.command': '/srv/app/dist/server.js',
    })
  })

  test('takes the environment of the attributes before NODE_ENV, under its new name', () => {
    const env = { NODE_ENV: 'production' }
    const one = identity(withFiles(), { env, attributes: { 'deployment.environment.name': 'canary' } })
    expect(one.attributes['deployment.environment.name']).toBe('canary')
    const old = identity(withFiles(), { env, attributes: { 'deployment.environment': 'canary' } })
    expect(old.attributes['deployment.environment.name']).toBe('canary')
    expect(old.attributes).not.toHaveProperty('deployment.environment')
  })

  test('has only the service without detectors', () => {
    const { attributes } = identity(withFiles(), { detectors: new Set() })
    expect(Object.keys(attributes).filter(key => !key.startsWith('telemetry.'))).toEqual(['service.name'])
  })

  test('has host.id only when the host detector was named', () => {
    const facts = withFiles({ '/etc/machine-id': 'f00d\n' })
    expect(identity(facts).attributes).not.toHaveProperty('host.id')
    expect(identity(facts, { hostId: true }).attributes['host.id']).toBe('f00d')
  })
})

describe('container.id', () => {
  test.each([
    ['docker, cgroup v1', `12:pids:/docker/${id}\n11:cpu:/docker/${id}`],
    ['kubernetes, cgroup v1', `11:cpu:/kubepods/burstable/pod1234/${id}`],
    ['containerd, systemd', `0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-${id}.scope`],
    ['podman', `0::/machine.slice/libpod-${id}.scope/container`.replace('/container', '')],
    ['cri-o', `1:name=systemd:/kubepods.slice/crio-${id}.scope`],
  ])('is found in the cgroup of %s', (_, text) => {
    expect(parseCgroup(text)).toBe(id)
  })

  test('is the task of AWS Fargate', () => {
    expect(parseCgroup(`9:perf:/ecs/${'c1'.repeat(16)}/${'c1'.repeat(16)}-1234567890`)).toBe(
      `${'c1'.repeat(16)}-1234567890`,
    )
  })

  test.each([
    ['a session', '0::/user.slice/user-1000.slice/session-3.scope'],
    ['a service', '0::/system.slice/checkout.service'],
    ['a longer hexadecimal name', `0::/docker/${id}ab`],
    ['nothing', ''],
  ])('is not found in the cgroup of %s', (_, text) => {
    expect(parseCgroup(text)).toBeUndefined()
  })

  const overlay = `600 500 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/${other}/diff`
  test('comes from the mounts under cgroup v2, and is not that of an overlay layer', () => {
    const mounts = `${overlay}\n620 600 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw`
    expect(parseMountinfo(mounts)).toBe(id)
    expect(
      findContainerId(withFiles({ '/proc/self/cgroup': '0::/\n', '/proc/self/mountinfo': mounts })),
    ).toBe(id)
  })

  test('is not that of the pod sandbox', () => {
    const mounts = `${overlay}\n620 600 8:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${other}/hostname /etc/hostname rw - ext4 /dev/sda1 rw`
    expect(parseMountinfo(mounts)).toBeUndefined()
  })

  test('does not read the mounts of a host', () => {
    const read: string[] = []
    const facts = withFiles()
    const readText = (path: string) => {
      read.push(path)
      return path === '/proc/self/cgroup' ? '0::/user.slice/session-3.scope\n' : undefined
    }
    expect(findContainerId({ ...facts, readText })).toBeUndefined()
    expect(read).toEqual(['/proc/self/cgroup'])
  })
})

describe('kubernetes', () => {
  test('fills the attributes from the downward API', () => {
    const env = {
      KUBERNETES_SERVICE_HOST: '10.0.0.1',
      POD_NAME: 'checkout-7d4b9c-x2x9z',
      POD_NAMESPACE: 'shop',
      NODE_NAME: 'node-a',
      K8S_POD_UID: 'uid-1',
      K8S_DEPLOYMENT_NAME: 'checkout',
      K8S_CLUSTER_NAME: 'eu-1',
    }
    expect(identity(withFiles(), { env }).attributes).toMatchObject({
      'k8s.pod.name': 'checkout-7d4b9c-x2x9z',
      'k8s.namespace.name': 'shop',
      'k8s.node.name': 'node-a',
      'k8s.pod.uid': 'uid-1',
      'k8s.deployment.name': 'checkout',
      'k8s.cluster.name': 'eu-1',
    })
  })

  test('takes the namespace of the service account when none is set', () => {
    const facts = withFiles({ '/var/run/secrets/kubernetes.io/serviceaccount/namespace': 'shop\n' })
    expect(identity(facts, { env: { KUBERNETES_SERVICE_HOST: 'x' } }).attributes['k8s.namespace.name']).toBe(
      'shop',
    )
    expect(identity(facts).attributes).not.toHaveProperty('k8s.namespace.name')
  })

  test('does not take NODE_NAME for a node outside a cluster, nor what was not expanded', () => {
    const found = identity(withFiles(), { env: { NODE_NAME: 'x', K8S_POD_NAME: '$(POD_NAME)' } }).attributes
    expect(Object.keys(found).filter(key => key.startsWith('k8s.'))).toEqual([])
  })

  test('what was written into OTEL_RESOURCE_ATTRIBUTES wins', () => {
    const env = { K8S_POD_NAME: 'from-env' }
    expect(
      identity(withFiles(), { env, attributes: { 'k8s.pod.name': 'said' } }).attributes['k8s.pod.name'],
    ).toBe('said')
  })
})

describe('readFacts', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'facts-'))
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('reads no file above the limit, no directory, no device and nothing that is not there', () => {
    const path = join(directory, 'big')
    writeFileSync(path, 'x'.repeat(100_000))
    const facts = readFacts()
    expect(facts.readText(path, 1000)).toBeUndefined()
    expect(facts.readText('/dev/zero', 1000)).toBeUndefined()
    expect(facts.readText(path, 1_000_000)).toHaveLength(100_000)
    expect(facts.readText(join(directory, 'missing'), 10)).toBeUndefined()
    expect(facts.readText(directory, 10)).toBeUndefined()
    if (process.platform === 'linux') expect(facts.readText('/proc/self/cgroup', 100_000)).toMatch(/:/)
  })

  test('reads text as UTF-8', () => {
    const path = join(directory, 'utf8')
    const text = 'é€'
    writeFileSync(path, text)
    expect(readFacts().readText(path, 100_000)).toBe(text)
  })

  test('follows links to the real entry point', () => {
    mkdirSync(join(directory, 'real'))
    writeFileSync(join(directory, 'real/a.js'), '')
    symlinkSync(join(directory, 'real/a.js'), join(directory, 'link.js'))
    expect(readFacts().realPath(join(directory, 'link.js'))).toMatch(/real\/a\.js$/)
    expect(readFacts().realPath('/no/such/file')).toBe('/no/such/file')
  })

  test('makes random version 4 UUIDs', () => {
    const facts = readFacts()
    const made = new Set(Array.from({ length: 10_000 }, () => facts.uuid()))
    expect(made.size).toBe(10_000)
    for (const uuid of made)
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
