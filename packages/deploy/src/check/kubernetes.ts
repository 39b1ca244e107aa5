// A Kubernetes manifest against the schemas of its kind, offline, and against what an API server accepts in silence.
import { checkCollectorImage } from './collector.ts'
import { oldestCollector } from './collector-names.ts'
import { type Finding, type Report, reporter } from './finding.ts'
import { findUnknownFields } from './known-fields.ts'

/** Kinds that are not part of Kubernetes: what must be installed, and what one sees when it is not. */
const definitions: Record<string, string> = {
  'opentelemetry.io': 'the OpenTelemetry Operator',
  'monitoring.coreos.com': 'the Prometheus Operator',
  'gateway.networking.k8s.io': 'the Gateway API',
  'cert-manager.io': 'cert-manager',
}

/** What the downward API offers to an environment variable. */
const fieldPaths =
  /^(metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs))$/

export function isManifest(value: any): boolean {
  return (
    typeof value?.apiVersion === 'string' &&
    typeof value.kind === 'string' &&
    !value.apiVersion.startsWith('kustomize.')
  )
}

/**
 * Where a manifest comes from. `patch`: only some of its fields, so missing ones are no problem. `file`: complete, but a
 * kustomization may still name its image. `cluster`: what the cluster gets.
 */
export type Stage = 'patch' | 'file' | 'cluster'

/** Fields that the schemas forgot: https://kubernetes.io/docs/reference/kubernetes-api/ has them. */
const forgotten: Record<string, readonly string[]> = { PriorityClass: ['description'] }

export async function checkManifest(file: string, manifest: any, stage: Stage): Promise<Finding[]> {
  const whole = stage !== 'patch'
  const findings: Finding[] = []
  const name = `${manifest.kind} ${manifest.metadata?.name ?? '?'}`
  const report: Report = (level, where, problem, fix) =>
    reporter(file, findings)(level, `${name}: ${where}`, problem, fix)
  const group = manifest.apiVersion.includes('/') ? manifest.apiVersion.split('/')[0] : ''
  const needs = definitions[group]
  if (whole && needs !== undefined) {
    report(
      'warning',
      manifest.apiVersion,
      `needs the CRDs of ${needs}: without them \`no matches for kind "${manifest.kind}"\``,
      `\`kubectl get crd | grep ${group}\` shows whether they are there; leave this file out if not.`,
    )
  }
  const validate = await findSchema(manifest.apiVersion, manifest.kind)
  if (validate === undefined) {
    if (needs === undefined)
      report('error', manifest.apiVersion, 'no such kind', 'Check apiVersion and kind.')
  } else {
    for (const { path, message } of listErrors(validate, manifest, whole)) {
      report('error', path, message, 'See `kubectl explain`.')
    }
    for (const path of findUnknownFields(manifest, validate)) {
      if (forgotten[manifest.kind]?.includes(path)) continue
      report('error', path, 'no such field', 'The API server would ignore it. Check its name and its depth.')
    }
  }
  checkPod(manifest, stage, report)
  return findings
}

type Validate = ((value: unknown) => boolean) & {
  errors?: { instancePath: string; message?: string; keyword: string }[] | null
}

/** The compiled schema of a kind; undefined when there is none. */
async function findSchema(apiVersion: string, kind: string): Promise<Validate | undefined> {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion]
  const title = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
  const short = group!.split('.')[0]!
  const places: Record<string, string> = {
    'opentelemetry.io':
      '@kubernetes-models/opentelemetry-operator/_schemas/ComGithubOpenTelemetryOpentelemetryOperatorApis',
    'monitoring.coreos.com':
      '@kubernetes-models/prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring',
  }
  const place = places[group!] ?? `kubernetes-models/_schemas/IoK8sApi${title(short)}`
  const module = `${place}${title(version!)}${kind}`
  try {
    return (await import(module)).validate
  } catch {
    return undefined
  }
}

function listErrors(
  validate: Validate,
  manifest: unknown,
  whole: boolean,
): { path: string; message: string }[] {
  validate(manifest)
  return (validate.errors ?? [])
    .filter(({ keyword }) => whole || keyword !== 'required')
    .filter(({ keyword }) => keyword !== 'oneOf' && keyword !== 'anyOf')
    .map(error => ({
      path: error.instancePath.slice(1).replaceAll('/', '.') || '(top)',
      message: error.message ?? describe(error),
    }))
}

/** The schemas are compiled without messages. */
function describe({ keyword, params = {} }: { keyword: string; params?: any }): string {
  if (keyword === 'type') return `must be ${params.type}`
  if (keyword === 'required') return `lacks ${params.missingProperty}`
  if (keyword === 'enum') return `must be one of ${params.allowedValues?.join(', ')}`
  return `breaks "${keyword}" ${JSON.stringify(params)}`
}

function checkPod(manifest: any, stage: Stage, report: Report): void {
  const pod = manifest.kind === 'Pod' ? manifest.spec : manifest.spec?.template?.spec
  for (const container of [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])]) {
    const where = `container ${container.name}`
    checkImage(container.image, where, stage, report)
    checkEnvironment(container.env ?? [], where, report)
    checkMemory(container, where, report)
  }
  if (manifest.kind === 'Instrumentation')
    checkImage(manifest.spec?.nodejs?.image, 'spec.nodejs.image', stage, report)
}

function checkImage(image: string | undefined, where: string, stage: Stage, report: Report): void {
  if (image === undefined) return
  if (image.includes('registry.example.com')) {
    report('warning', where, `${image} is a placeholder`, 'Put the name of your registry there.')
  }
  // Without a tag: the kustomization has one, and it is checked there.
  if (stage !== 'cluster' && !image.includes(':')) return
  checkCollectorImage(image, (problem, fix) => report('error', where, problem, fix), oldestCollector)
}

function checkEnvironment(env: readonly any[], where: string, report: Report): void {
  const defined = new Set<string>()
  const names = new Map(env.map(each => [each.name, each.value]))
  for (const { name, value, valueFrom } of env) {
    const at = `${where}, ${name}`
    for (const [, used] of String(value ?? '').matchAll(/\$\(([A-Za-z0-9_]+)\)/g)) {
      if (defined.has(used!)) continue
      const [problem, fix] = names.has(used)
        ? [`$(${used}) is used before it is defined and stays as it is`, `Move ${used} above ${name}.`]
        : [`$(${used}) is defined nowhere and stays as it is`, `Add it: valueFrom: { fieldRef: ... }.`]
      report('error', at, problem, fix)
    }
    defined.add(name)
    const path = valueFrom?.fieldRef?.fieldPath
    if (path !== undefined && !fieldPaths.test(path)) {
      report('error', at, `the downward API has no "${path}"`, 'For the address of the node: status.hostIP.')
    }
    if (name === 'OTEL_EXPORTER_OTLP_ENDPOINT') checkEndpoint(String(value ?? ''), names, at, report)
    if (/^OTEL_SERVICE$|^OTEL_SERVICENAME$|^OTEL_EXPORTER_ENDPOINT$/.test(name)) {
      report('error', at, 'is read by nobody', 'OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT.')
    }
  }
}

function checkEndpoint(
  value: string,
  names: Map<string, string | undefined>,
  at: string,
  report: Report,
): void {
  const protocol = names.get('OTEL_EXPORTER_OTLP_PROTOCOL') ?? 'grpc'
  if (!/^https?:\/\//.test(value)) report('error', at, `"${value}" is no URL`, `Write http://${value}.`)
  if (/\/v1\/(traces|metrics|logs)/.test(value)) {
    report('error', at, `"${value}" ends in what is added itself`, 'Leave /v1/... out.')
  }
  if (protocol === 'grpc' && /:4318\b/.test(value)) {
    report(
      'error',
      at,
      `"${value}" is the port of OTLP over HTTP, and the protocol is gRPC`,
      'Use 4317, or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.',
    )
  }
  if (protocol.startsWith('http') && /:4317\b/.test(value)) {
    report(
      'error',
      at,
      `"${value}" is the port of OTLP over gRPC, and the protocol is ${protocol}`,
      'Use 4318.',
    )
  }
}

const units: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, K: 1e3, M: 1e6, G: 1e9 }

function readBytes(text: string | undefined): number | undefined {
  const found = /^(\d+(?:\.\d+)?)([KMG]i?)B?$/.exec(text ?? '')
  return found === null ? undefined : Number(found[1]) * units[found[2]!]!
}

function checkMemory(container: any, where: string, report: Report): void {
  const soft = readBytes(container.env?.find((each: any) => each.name === 'GOMEMLIMIT')?.value)
  const hard = readBytes(container.resources?.limits?.memory)
  if (soft !== undefined && hard !== undefined && soft >= hard) {
    report(
      'error',
      where,
      'GOMEMLIMIT is not below the memory limit: the kernel is faster than the collector of garbage',
      'Use 80 % of the limit.',
    )
  }
}
