// One loaded copy of prom-client 14 or 15, patched once, however often and by whomever this is asked for.
import { createRequire } from 'node:module'
import { checkHistogram, type PromClient } from './prom-metric.ts'
import { patchCounter, patchHistogram } from './prom-observe.ts'
import { patchCluster, patchPushgateway, patchRegistry } from './prom-registry.ts'
import { watchScrapes } from './scrape.ts'
import { shared } from './shared.ts'

/** Returns why this copy is left alone; undefined when it is patched (now or before). */
export function patchPromClient(client: PromClient): string | undefined {
  if (!isPromClient(client)) return 'this is not prom-client'
  if (shared.patched.has(client.Registry)) return undefined
  const reason = checkHistogram(client.Histogram)
  if (reason !== undefined) return reason
  shared.patched.add(client.Registry)
  shared.clients.set(client.Registry, client)
  patchHistogram(client)
  patchCounter(client)
  patchRegistry(client)
  patchCluster(client)
  patchPushgateway(client)
  watchScrapes()
  return undefined
}

export function isPromClient(value: any): value is PromClient {
  return [value?.Registry, value?.Histogram, value?.Counter].every(Class => typeof Class === 'function')
}

/** The very copy of prom-client a registry was made with: it is CommonJS, so it is in the module cache. */
export function findPromClient(registry: object): PromClient | undefined {
  for (
    let Class: any = registry.constructor;
    typeof Class === 'function';
    Class = Object.getPrototypeOf(Class)
  ) {
    const known = shared.clients.get(Class)
    if (known !== undefined) return known as PromClient
    for (const cached of Object.values(createRequire(process.execPath).cache)) {
      // Own data properties only: other modules' exports may have getters that load things.
      const exported = cached?.exports
      if (exported === null || typeof exported !== 'object') continue
      if (Object.getOwnPropertyDescriptor(exported, 'Registry')?.value === Class && isPromClient(exported))
        return exported
    }
  }
  return undefined
}
