// Who is this process? A pure function of the facts, so that every rule can be tested without a container or a cluster.
import type { Attributes } from '@opentelemetry/api'
import type { Problem } from '../self/problem.ts'
import { distroName, sdkVersion, version } from '../self/version.ts'
import { findContainerId } from './container-id.ts'
import type { Facts } from './facts.ts'
import { kubernetesAttributes } from './kubernetes.ts'
import { findPackage } from './package-json.ts'
import type { Env } from './read-env.ts'

export interface IdentityInput {
  readonly facts: Facts
  readonly env: Env
  /** OTEL_SERVICE_NAME or its equal. */
  readonly serviceName: string | undefined
  /** OTEL_RESOURCE_ATTRIBUTES or its equal; wins over everything found out here, except `serviceName`. */
  readonly attributes: Readonly<Attributes>
  readonly detectors: ReadonlySet<string>
  /** `host.id` only when somebody named the detector. */
  readonly hostId: boolean
}

export interface Identity {
  readonly attributes: Attributes
  readonly problems: readonly Problem[]
  /** Where the name came from, for the startup line and the doctor. */
  readonly serviceNameFrom: 'set' | 'attributes' | 'function' | 'package.json' | 'npm' | 'unknown'
}

export function identify(input: IdentityInput): Identity {
  const { facts, env, detectors } = input
  const problems: Problem[] = []
  const found: Attributes = {
    'telemetry.sdk.name': 'opentelemetry',
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.version': sdkVersion,
    'telemetry.distro.name': distroName,
    'telemetry.distro.version': version,
  }
  const service = identifyService(input, problems)
  found['service.name'] = service.name
  if (service.version !== undefined) found['service.version'] = service.version
  const environment = env.NODE_ENV?.trim()
  if (environment) found['deployment.environment.name'] = environment
  if (detectors.has('serviceinstance')) found['service.instance.id'] = facts.uuid()
  if (detectors.has('host')) addHost(found, facts, input.hostId)
  if (detectors.has('os')) {
    found['os.type'] = osTypes[facts.platform] ?? facts.platform
    found['os.version'] = facts.osRelease()
  }
  if (detectors.has('process')) addProcess(found, facts)
  if (detectors.has('container')) {
    const id = facts.platform === 'linux' ? findContainerId(facts) : undefined
    if (id !== undefined) found['container.id'] = id
  }
  if (detectors.has('k8s')) Object.assign(found, kubernetesAttributes(env, facts))
  Object.assign(found, input.attributes)
  if (service.from === 'set') found['service.name'] = service.name
  // The old name of the same thing, as many clusters still set it: one value under both would be counted twice.
  if (
    input.attributes['deployment.environment'] !== undefined &&
    input.attributes['deployment.environment.name'] === undefined
  ) {
    found['deployment.environment.name'] = input.attributes['deployment.environment']
    delete found['deployment.environment']
  }
  return { attributes: found, problems, serviceNameFrom: service.from }
}

interface Service {
  name: string
  version?: string
  from: Identity['serviceNameFrom']
}

function identifyService(input: IdentityInput, problems: Problem[]): Service {
  const { env, facts, attributes } = input
  // The version belongs to the package even when the name was set by hand.
  const manifest = findPackage(facts, env)
  if (manifest?.fault !== undefined) {
    problems.push({
      code: 'ORG_OTEL_PACKAGE_JSON',
      subject: manifest.path,
      message: `${manifest.fault}; service.name and service.version are not taken from it`,
    })
  }
  const rest = manifest?.version === undefined ? {} : { version: manifest.version }
  if (input.serviceName) return { name: input.serviceName, from: 'set', ...rest }
  const listed = attributes['service.name']
  if (typeof listed === 'string' && listed !== '') return { name: listed, from: 'attributes', ...rest }
  if (env.AWS_LAMBDA_FUNCTION_NAME) {
    return {
      name: env.AWS_LAMBDA_FUNCTION_NAME,
      from: 'function',
      ...(env.AWS_LAMBDA_FUNCTION_VERSION ? { version: env.AWS_LAMBDA_FUNCTION_VERSION } : {}),
    }
  }
  if (manifest?.name !== undefined) return { name: dropScope(manifest.name), from: 'package.json', ...rest }
  if (manifest?.fault === undefined && env.npm_package_name) {
    return {
      name: dropScope(env.npm_package_name),
      from: 'npm',
      ...(env.npm_package_version ? { version: env.npm_package_version } : {}),
    }
  }
  return { name: 'unknown_service:node', from: 'unknown', ...rest }
}

/**
 * `@acme/checkout` -> `checkout`: the scope says who publishes, not which service runs, and `@` and `/` are awkward in
 * dashboards, alert rules and URLs of backends. Teams that need it set OTEL_SERVICE_NAME.
 */
function dropScope(name: string): string {
  const slash = name.startsWith('@') ? name.indexOf('/') : -1
  return slash > 0 && slash < name.length - 1 ? name.slice(slash + 1) : name
}

const osTypes: Readonly<Record<string, string>> = { win32: 'windows', sunos: 'solaris' }
const archs: Readonly<Record<string, string>> = { arm: 'arm32', ppc: 'ppc32', x64: 'amd64' }

function addHost(found: Attributes, facts: Facts, withId: boolean): void {
  found['host.name'] = facts.hostname()
  const arch = facts.arch()
  found['host.arch'] = archs[arch] ?? arch
  if (!withId || facts.platform !== 'linux') return
  const id = (facts.readText('/etc/machine-id', 64) ?? facts.readText('/var/lib/dbus/machine-id', 64))?.trim()
  if (id) found['host.id'] = id
}

/** Never process.command_args: passwords and tokens are passed there. */
function addProcess(found: Attributes, facts: Facts): void {
  found['process.pid'] = facts.pid
  found['process.executable.name'] = facts.execPath.slice(
    Math.max(facts.execPath.lastIndexOf('/'), facts.execPath.lastIndexOf('\\')) + 1,
  )
  found['process.executable.path'] = facts.execPath
  found['process.runtime.name'] = 'nodejs'
  found['process.runtime.version'] = facts.nodeVersion
  found['process.runtime.description'] = 'Node.js'
  if (facts.entry !== undefined) found['process.command'] = facts.entry
}
