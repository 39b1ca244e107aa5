// The Collector configurations of packages/deploy, as shipped, on ports of this machine. What a test has to change
// (there is no API server and no cluster DNS here) is changed in one place and by name.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { freePort, type Part } from './process.ts'
import { startCollector } from './start.ts'

export const deployHome = join(__dirname, '../../../packages/deploy')
export const collectorRoles = ['agent', 'gateway', 'single', 'sidecar'] as const
export type CollectorRole = (typeof collectorRoles)[number]

/** What the configurations take from the environment and have no default for. */
export const requiredEnv = {
  K8S_NODE_NAME: 'node-1',
  REDACTION_KEY: 'a key for tests, at least 32 bytes long',
}

export function shippedFile(role: CollectorRole): string {
  return join(deployHome, 'collector', role, 'config.yaml')
}

function readShipped(role: CollectorRole): any {
  return parse(readFileSync(shippedFile(role), 'utf8'), { merge: true })
}

export interface Ports {
  readonly grpc: number
  readonly http: number
  readonly prometheus: number
  readonly self: number
  readonly health: number
}

export interface ShippedCollector extends Part {
  readonly ports: Ports
  /** Ends the process and starts it again on the same ports and the same queue on disk. */
  restart(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again after `stop`. */
  start(): Promise<void>
  /** The page of its own metrics, or of what it exports to Prometheus. */
  page(which: 'self' | 'prometheus'): Promise<string>
  /** Stops it and forgets its queue. */
  dispose(): Promise<void>
}

/** Runs a shipped configuration on loopback. `edit` changes the parsed configuration and says why at the call. */
export async function startShipped(
  role: CollectorRole,
  env: Record<string, string>,
  edit: (config: any) => void = () => {},
): Promise<ShippedCollector> {
  const config = readShipped(role)
  edit(config)
  const [grpc, http, prometheus, self, health] = await Promise.all(Array.from({ length: 5 }, freePort))
  const ports = { grpc, http, prometheus, self, health } as Ports
  const queue = mkdtempSync(join(tmpdir(), `real-queue-${role}-`))
  const boot = () =>
    startCollector(stringify(config), ports.grpc, {
      ...requiredEnv,
      LISTEN: '127.0.0.1',
      OTLP_GRPC_PORT: String(ports.grpc),
      OTLP_HTTP_PORT: String(ports.http),
      PROMETHEUS_PORT: String(ports.prometheus),
      SELF_METRICS_PORT: String(ports.self),
      HEALTH_PORT: String(ports.health),
      QUEUE_DIRECTORY: queue,
      ...env,
    })
  let part = await boot()
  return {
    get pid() {
      return part.pid
    },
    ports,
    output: () => part.output(),
    stop: signal => part.stop(signal),
    async start() {
      part = await boot()
    },
    async restart(signal) {
      await part.stop(signal)
      part = await boot()
    },
    async page(which) {
      return (await fetch(`http://127.0.0.1:${ports[which]}/metrics`)).text()
    },
    async dispose() {
      await part.stop()
      rmSync(queue, { recursive: true, force: true })
    },
  }
}

/** There is no API server here. */
export function withoutKubernetes(config: any): void {
  delete config.processors.k8s_attributes
  for (const pipeline of Object.values<any>(config.service.pipelines)) {
    pipeline.processors = pipeline.processors.filter((name: string) => name !== 'k8s_attributes')
  }
}

/** There is no cluster DNS here: the same ring from a list. */
export function withGateways(config: any, ports: readonly number[]): void {
  const hostnames = ports.map(port => `127.0.0.1:${port}`)
  for (const [name, exporter] of Object.entries<any>(config.exporters)) {
    if (name.startsWith('load_balancing')) exporter.resolver = { static: { hostnames } }
  }
}

/** So that a test can see which gateway a span went through. */
export function withName(config: any, name: string): void {
  config.processors['resource/which'] = {
    attributes: [{ key: 'test.gateway', value: name, action: 'insert' }],
  }
  config.service.pipelines['traces/in'].processors.push('resource/which')
}

/** Sum of the samples of one metric on a page whose labels contain all of the given ones. */
export function sumSamples(page: string, metric: string, labels: Record<string, string> = {}): number {
  let sum = 0
  for (const line of page.split('\n')) {
    const found = /^([a-zA-Z0-9_:]+)(?:\{(.*)\})? (\S+)/.exec(line.split(' # ')[0] ?? '')
    if (found?.[1] !== metric) continue
    const fits = Object.entries(labels).every(([key, value]) => found[2]?.includes(`${key}="${value}"`))
    if (fits) sum += Number(found[3])
  }
  return sum
}
