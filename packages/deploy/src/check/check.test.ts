// The check as a platform engineer runs it: a copy of the folder, one mistake in it, and what is said.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the Collector, not of JavaScript.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from './finding.ts'

const home = join(__dirname, '../..')
const hasKubectl = spawnSync('kubectl', ['version', '--client']).error === undefined
const scratch: string[] = []
afterAll(() => {
  for (const folder of scratch) rmSync(folder, { recursive: true, force: true })
})

function copy(parts: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'deploy-check-'))
  scratch.push(folder)
  for (const part of parts) cpSync(join(home, part), join(folder, part), { recursive: true })
  return folder
}

interface Answer {
  readonly findings: Finding[]
  readonly checked: Record<string, number>
}

/** One run for all folders: a line for each. */
function check(...folders: string[]): { status: number | null; answers: Answer[] } {
  const done = spawnSync(process.execPath, [join(home, 'check.ts'), ...folders, '--json'], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const lines = done.stdout.split('\n').filter(line => line !== '')
  if (lines.length !== folders.length) throw new Error(done.stderr)
  return { status: done.status, answers: lines.map(line => JSON.parse(line)) }
}

test('a folder that is not there, or holds nothing to check, is an error', () => {
  const { status, answers } = check(join(home, 'no-such-folder'), copy([]))
  expect(status).toBe(1)
  expect(answers.map(({ findings }) => findings.map(({ problem }) => problem))).toEqual([
    ['does not exist'],
    ['holds no file that this check knows'],
  ])
})

test('what is shipped has no errors, and every kind of file was looked at', () => {
  const { status, answers } = check(home)
  const { findings, checked } = answers[0]!
  expect(findings.filter(({ level }) => level === 'error')).toEqual([])
  expect(status).toBe(0)
  expect(checked).toMatchObject({ collector: 4, compose: 1 })
  expect(checked.manifest).toBeGreaterThan(20)
  if (hasKubectl) expect(checked.overlay).toBeGreaterThanOrEqual(8)
  // What only its user can know is a warning.
  expect(findings.map(({ problem }) => problem).join('\n')).toMatch(
    /is a placeholder[\s\S]*needs the CRDs of the OpenTelemetry Operator/,
  )
}, 60_000)

const gateway = 'collector/gateway/config.yaml'
const agent = 'collector/agent/config.yaml'
const daemonSet = 'kubernetes/base/agent.yaml'
const service = 'kubernetes/service/base-image/environment.yaml'
const compose = 'compose/compose.yaml'

/** A file, what is replaced by what, and what must be said about it. */
const mistakes: readonly [title: string, file: string, from: string, to: string, said: RegExp][] = [
  ['an exporter that is gone', gateway, 'otlp_http/loki', 'loki', /does not exist since 0\.131/],
  ['an exporter under its old name', gateway, 'otlp_grpc/tempo', 'otlp/tempo', /was renamed in 0\.144/],
  [
    'an exporter nobody defined',
    gateway,
    'exporters: [otlp_grpc/tempo]',
    'exporters: [otlp_grpc/tmepo]',
    /otlp_grpc\/tmepo is not defined/,
  ],
  ['the HTTP port for gRPC', gateway, 'tempo:4317', 'tempo:4318', /port of OTLP over HTTP/],
  ['an address without a port', gateway, 'tempo:4317', 'tempo', /has no port/],
  ['an address that is no URL', gateway, ':-http://loki:3100/otlp', ':-loki:3100', /is no URL/],
  [
    'a path that is added twice',
    gateway,
    '3100/otlp',
    '3100/otlp/v1/logs',
    /ends in what the exporter adds itself/,
  ],
  [
    'a variable in the old notation',
    agent,
    '${env:GATEWAY_HOST:-otel-gateway-headless}',
    '$GATEWAY_HOST',
    /is not replaced since 0\.104/,
  ],
  [
    'a receiver on localhost',
    agent,
    '        endpoint: ${env:LISTEN:-0.0.0.0}:${env:OTLP_HTTP_PORT:-4318}',
    '        max_request_body_size: 1000',
    /listens on localhost/,
  ],
  [
    'the guard behind others',
    agent,
    '[memory_limiter, k8s_attributes, filter/probes]',
    '[k8s_attributes, memory_limiter, filter/probes]',
    /memory_limiter is not the first/,
  ],
  ['an unknown field', daemonSet, 'terminationGracePeriodSeconds', 'terminationGracePeriod', /no such field/],
  [
    'a field at the wrong depth',
    daemonSet,
    '      serviceAccountName: otel-agent',
    '      serviceAccountName: otel-agent\n      hostPort: 4317',
    /no such field/,
  ],
  ['a wrong type', daemonSet, 'containerPort: 4317,', "containerPort: 'otlp',", /must be (number|integer)/],
  ['a limit that Go does not see', daemonSet, 'value: 400MiB', 'value: 600MiB', /GOMEMLIMIT is not below/],
  [
    'a variable used before it is there',
    service,
    '- name: NODE_IP',
    '- name: NODE_ADDRESS',
    /\$\(NODE_IP\) is defined nowhere/,
  ],
  [
    'a field the downward API does not have',
    service,
    'status.hostIP',
    'spec.nodeIP',
    /downward API has no "spec\.nodeIP"/,
  ],
  ['the HTTP port in a service', service, '$(NODE_IP):4317', '$(NODE_IP):4318', /the protocol is gRPC/],
  ['an endpoint that is no URL', service, 'http://$(NODE_IP)', '$(NODE_IP)', /is no URL/],
  ['a kind that does not exist', daemonSet, 'kind: DaemonSet', 'kind: DeamonSet', /no such kind/],
  [
    'an old image',
    'kubernetes/base/kustomization.yaml',
    'newTag: 0.159.0',
    'newTag: 0.96.0',
    /does not know the names/,
  ],
  [
    'an old image in Compose',
    compose,
    'collector-contrib:0.159.0',
    'collector-contrib:0.96.0',
    /does not know the names/,
  ],
  [
    'an unknown field in Compose',
    compose,
    'mem_limit: 512m',
    'memory_limit: 512m',
    /additional properties: memory_limit/,
  ],
  ['a file that is not there', compose, './tempo.yaml', './tempo.yml', /tempo\.yml does not exist/],
  ['a port open to the network', compose, '127.0.0.1:9090:9090', '9090:9090', /open to the network/],
  ['a file that is no YAML', compose, 'services:', 'services: {', /./],
]

let answers: Answer[]

beforeAll(() => {
  const folders = mistakes.map(([, file, from, to]) => {
    const part = file.slice(0, file.indexOf('/'))
    const folder = copy(part === 'collector' ? [part] : ['collector', part, 'prometheus', 'grafana'])
    const text = readFileSync(join(folder, file), 'utf8')
    if (!text.includes(from)) throw new Error(`${file} does not contain ${from}`)
    writeFileSync(join(folder, file), text.replaceAll(from, to))
    return folder
  })
  const run = check(...folders)
  expect(run.status).toBe(1)
  answers = run.answers
}, 120_000)

test.each(mistakes.map((mistake, at) => [...mistake, at] as const))(
  '%s is said',
  (_title, file, _from, _to, said, at) => {
    const about = answers[at]!.findings.filter(
      finding => said.test(finding.problem) && (finding.file === file || finding.file.endsWith('/')),
    )
    expect(about).not.toEqual([])
    expect(about[0]!.fix).not.toBe('')
  },
)

if (hasKubectl) {
  test('an address that no manifest serves is found in what kustomize builds', () => {
    const folder = copy(['collector', 'kubernetes'])
    const file = join(folder, daemonSet)
    const text = readFileSync(file, 'utf8').replace(
      'otel-gateway-headless.observability',
      'otel-gateway.observability',
    )
    writeFileSync(file, text)
    expect(check(folder).answers[0]!.findings.map(({ problem }) => problem)).toContain(
      'there is no service otel-gateway in observability',
    )
  }, 60_000)
}
