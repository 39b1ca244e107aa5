// What the preload does to the prom-client an application loads. Same code as `traceExemplars(promClient)`.
import { patchPromClient } from './prom-client.ts'
import { unwatchScrapes, watchScrapes } from './scrape.ts'
import { type ExemplarOptions, setOptions, shared } from './shared.ts'

export interface ExemplarHookOptions extends ExemplarOptions {
  /** Told once per copy of prom-client that is left alone, with the reason. */
  onSkipped?: (reason: string) => void
}

/** prom-client, and the two libraries its code lives on in. */
const promClients = [
  { name: 'prom-client', versions: ['>=14.0.0 <16'] },
  { name: '@prometheus-io/client', versions: ['>=0.16.0 <0.17'] },
  { name: '@platformatic/prom-client', versions: ['>=1.0.0 <2'] },
]

interface ModulePatch {
  readonly name: string
  readonly file?: string
  readonly versions?: readonly string[]
  patch(exports: any, info: { readonly version: string }): any
}

/**
 * prom-client, to be changed once it is loaded.
 *
 * ```ts
 * const { modules } = exemplarHooks({ intervalMs: 15_000 })
 * ```
 */
export function exemplarHooks(options: ExemplarHookOptions = {}): {
  readonly modules: readonly ModulePatch[]
  start(): void
  stop(): void
} {
  const { onSkipped, ...rest } = options
  setOptions(rest)
  return {
    modules: promClients.map(({ name, versions }) => ({
      name,
      versions,
      patch(exports, info) {
        const client = exports?.Registry === undefined && exports?.default ? exports.default : exports
        const reason = patchPromClient(client)
        if (reason !== undefined) onSkipped?.(`${name} ${info.version}: ${reason}`)
        return exports
      },
    })),
    start() {
      shared.options.enabled = rest.enabled ?? true
      if (shared.adoptable.length > 0) watchScrapes()
    },
    stop() {
      shared.options.enabled = false
      unwatchScrapes()
    },
  }
}
