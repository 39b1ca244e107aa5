// Copies of the OpenTelemetry API that were loaded before us: what they handed out waits for a provider.
import Module from 'node:module'
import { packageNameOf } from './package-path.ts'

/** The exports of every copy that was `require`d. Those of ES modules are in no cache: who has one notes it. */
export function loadedApiCopies(): unknown[] {
  const copies: unknown[] = []
  for (const [filename, loaded] of Object.entries((Module as any)._cache as Record<string, NodeModule>)) {
    if (packageNameOf(filename) === '@opentelemetry/api') copies.push(loaded?.exports)
  }
  return copies
}
