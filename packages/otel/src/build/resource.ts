// Cloud metadata, only when somebody named a cloud in OTEL_NODE_RESOURCE_DETECTORS. It is asked over the network, so it is
// never waited for at start: the caller sends without these attributes until they are there.
import type { Attributes } from '@opentelemetry/api'
import { sayProblem } from '../self/log.ts'
import type { Problem } from '../self/problem.ts'

/** The shape of upstream's detectors: attributes may be promises, each on its own. */
interface Detector {
  detect(): { attributes?: Readonly<Record<string, unknown>> }
}
type Load = () => Promise<readonly Detector[]>

// Each import is a chunk of its own in the bundle: naming `aws` does not load Google's libraries.
const clouds: Readonly<Record<string, Load>> = {
  aws: async () => {
    const m = await import('@opentelemetry/resource-detector-aws')
    return [m.awsEc2Detector, m.awsEcsDetector, m.awsEksDetector, m.awsBeanstalkDetector, m.awsLambdaDetector]
  },
  gcp: async () => [(await import('@opentelemetry/resource-detector-gcp')).gcpDetector],
  azure: async () => {
    const m = await import('@opentelemetry/resource-detector-azure')
    return [
      m.azureAppServiceDetector,
      m.azureFunctionsDetector,
      m.azureContainerAppsDetector,
      m.azureAksDetector,
      m.azureVmDetector,
    ]
  },
  alibaba: async () => [
    (await import('@opentelemetry/resource-detector-alibaba-cloud')).alibabaCloudEcsDetector,
  ],
}

/** Whether any of these detectors has to ask the network. */
export function needsCloudLookup(detectors: readonly string[]): boolean {
  return detectors.some(name => Object.hasOwn(clouds, name))
}

/**
 * Attributes of the clouds among `detectors` (`config.resource.detectors`), after at most `timeoutMs`. Never rejects:
 * what failed or was too slow is missing, and is said. Its timer does not keep the process alive.
 *
 * @example
 * if (needsCloudLookup(names)) void lookupCloudResource(names).then(found => exported.setResource(found))
 */
export async function lookupCloudResource(
  detectors: readonly string[],
  timeoutMs = 2000,
): Promise<Attributes> {
  const { attributes, problems } = await lookupIn(clouds, detectors, timeoutMs)
  for (const problem of problems) sayProblem(problem)
  return attributes
}

/** The same over any table of detectors, without a word. */
export async function lookupIn(
  table: Readonly<Record<string, Load>>,
  detectors: readonly string[],
  timeoutMs: number,
): Promise<{ attributes: Attributes; problems: Problem[] }> {
  const attributes: Attributes = {}
  const problems: Problem[] = []
  const names = detectors.filter(name => Object.hasOwn(table, name))
  if (names.length === 0) return { attributes, problems }
  const deadline = startDeadline(timeoutMs)
  let closed = false
  await Promise.all(
    names.map(async name => {
      const finished = lookupOne(table[name]!, (key, value) => {
        if (!closed) attributes[key] = value
      })
      const outcome = await Promise.race([finished, deadline.passed])
      if (outcome !== undefined) {
        problems.push({
          code: 'ORG_OTEL_RESOURCE_LOOKUP',
          subject: `OTEL_NODE_RESOURCE_DETECTORS ${name}`,
          message:
            outcome === 'late'
              ? `no complete answer within ${timeoutMs} ms; going on without the missing attributes`
              : `${outcome}; going on without its attributes`,
        })
      }
    }),
  )
  closed = true
  deadline.cancel()
  return { attributes, problems }
}

/** Resolves to what went wrong, if anything did. A metadata service that does not answer is normal off its cloud. */
async function lookupOne(
  load: Load,
  take: (key: string, value: NonNullable<Attributes[string]>) => void,
): Promise<string | undefined> {
  try {
    const all = await load()
    const pending: Promise<void>[] = []
    for (const detector of all) {
      const found = detector.detect().attributes ?? {}
      for (const [key, value] of Object.entries(found)) {
        pending.push(
          Promise.resolve(value).then(
            settled => {
              if (settled !== undefined && settled !== null && settled !== '') take(key, settled as string)
            },
            () => {},
          ),
        )
      }
    }
    await Promise.all(pending)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function startDeadline(ms: number): { passed: Promise<'late'>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<'late'>(resolve => {
    timer = setTimeout(resolve, ms, 'late')
    timer.unref()
  })
  return { passed, cancel: () => clearTimeout(timer) }
}
