// The control plane of Kubernetes without any machine: etcd, the API server and kubectl, built from the Go module
// proxy. It accepts and refuses manifests and grants and denies rights as a cluster does; no pod is ever started.
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { cached, digestOf, need, run } from './install.ts'
import { freePort, startPart, until } from './process.ts'

const source = join(__dirname, '../control-plane')

/** The kinds of operators that are used here, from the releases of these operators. */
const definitions = {
  'opentelemetry-operator': {
    module: 'github.com/open-telemetry/opentelemetry-operator@v0.141.0',
    files: ['config/crd/bases/opentelemetry.io_instrumentations.yaml'],
  },
  'prometheus-operator': {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    files: ['podmonitors', 'prometheusrules', 'servicemonitors'].map(
      kind => `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`,
    ),
  },
} as const
export type Operator = keyof typeof definitions

/** Folder with `etcd`, `kube-apiserver`, `kubectl` and the definitions of the operators; minutes the first time. */
export function installControlPlane(): string {
  const version = digestOf(join(source, 'tools.go'), join(source, 'go.sum'), __filename)
  return cached(`control-plane-${version}`, directory => {
    need('the control plane of Kubernetes', 'Go (1.26+)', 'go')
    cpSync(source, directory, { recursive: true })
    const programs = [
      'go.etcd.io/etcd/server/v3',
      'k8s.io/kubernetes/cmd/kube-apiserver',
      'k8s.io/kubernetes/cmd/kubectl',
    ]
    run('go', ['build', '-ldflags=-s -w', '-o', '.', ...programs], {
      cwd: directory,
      env: { GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' },
      what: 'building etcd, the API server of Kubernetes and kubectl (minutes the first time)',
    })
    renameSync(join(directory, 'server'), join(directory, 'etcd'))
    for (const [name, { module, files }] of Object.entries(definitions)) {
      const { Dir } = JSON.parse(
        run('go', ['mod', 'download', '-json', module], { cwd: directory, env: { GOFLAGS: '-mod=mod' } }),
      )
      mkdirSync(join(directory, name))
      for (const file of files) cpSync(join(Dir, file), join(directory, name, basename(file)))
    }
  })
}

export interface Answer {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ControlPlane {
  /** With these a shell finds kubectl and the cluster. */
  readonly env: { readonly PATH: string; readonly KUBECONFIG: string; readonly HOME: string }
  /** Runs kubectl as the administrator. `input` is what `-f -` reads; anything but a text is written as JSON. */
  kubectl(args: readonly string[], input?: unknown): Answer
  /** The same, and throws when it fails. Returns what it printed. */
  must(args: readonly string[], input?: unknown): string
  /** Installs the kinds of an operator. */
  define(operator: Operator): void
  /** A KUBECONFIG with the token and so the rights of a service account. */
  kubeconfigOf(namespace: string, serviceAccount: string): string
  stop(): Promise<void>
}

export async function startControlPlane(): Promise<ControlPlane> {
  const home = installControlPlane()
  const directory = mkdtempSync(join(tmpdir(), 'real-control-plane-'))
  const [client, peer, secure] = await Promise.all([freePort(), freePort(), freePort()])
  const etcdUrl = `http://127.0.0.1:${client}`
  const etcd = await startPart(
    'etcd',
    join(home, 'etcd'),
    [
      `--data-dir=${join(directory, 'etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-cluster=default=http://127.0.0.1:${peer}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    { cwd: directory, port: client },
  )
  const key = join(directory, 'service-accounts.pem')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(key, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  const token = randomUUID()
  const tokens = join(directory, 'tokens.csv')
  writeFileSync(tokens, `${token},admin,admin,system:masters\n`, { mode: 0o600 })
  const server = await startPart(
    'the API server of Kubernetes',
    join(home, 'kube-apiserver'),
    [
      `--etcd-servers=${etcdUrl}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${secure}`,
      `--cert-dir=${join(directory, 'certificates')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      `--token-auth-file=${tokens}`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.0.0.0/24',
      // Nobody in the cluster has to find it: there is nobody.
      '--endpoint-reconciler-type=none',
    ],
    { cwd: directory, port: secure },
  )

  const kubeconfig = (name: string, bearer: string): string => {
    const file = join(directory, `${name}.kubeconfig`)
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'real',
      contexts: [{ name: 'real', context: { cluster: 'real', user: name } }],
      // Its certificate is made at its start, for this one run.
      clusters: [
        {
          name: 'real',
          cluster: { server: `https://127.0.0.1:${secure}`, 'insecure-skip-tls-verify': true },
        },
      ],
      users: [{ name, user: { token: bearer } }],
    }
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
    return file
  }
  const admin = kubeconfig('admin', token)
  const env = { PATH: `${home}:${process.env.PATH}`, HOME: directory, KUBECONFIG: admin }
  const kubectl: ControlPlane['kubectl'] = (args, input) =>
    spawnSync(join(home, 'kubectl'), args, {
      encoding: 'utf8',
      env,
      maxBuffer: 64 << 20,
      ...(input !== undefined && { input: typeof input === 'string' ? input : JSON.stringify(input) }),
    })
  const must: ControlPlane['must'] = (args, input) => {
    const { status, stdout, stderr } = kubectl(args, input)
    if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  await until('the API server to be ready', () => kubectl(['get', '--raw', '/readyz']).status === 0, 90_000)
  return {
    env,
    kubectl,
    must,
    define(operator) {
      must(['apply', '--server-side', '-f', join(home, operator)])
      must(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all'])
    },
    kubeconfigOf: (namespace, serviceAccount) =>
      kubeconfig(serviceAccount, must(['create', 'token', '-n', namespace, serviceAccount]).trim()),
    async stop() {
      await server.stop()
      await etcd.stop()
      if (existsSync(directory)) rmSync(directory, { recursive: true, force: true })
    },
  }
}
