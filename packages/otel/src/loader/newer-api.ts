// A copy of the API uses what was registered for its own minor version or a later one, and nothing else: it might call
// what an older SDK does not have (opentelemetry-js, api/src/internal/semver.ts). To the application it looks as if nothing
// was started: its spans record nothing. So somebody has to say it.
import Module from 'node:module'
import { readManifest } from './package-manifest.ts'
import { parsePackagePath } from './package-path.ts'

/**
 * The copies that were `require`d and take nothing registered for `accepted` (`1.10.0`), as `1.11.0 in /app/node_modules/...`.
 * Copies that were imported as ES modules are in no cache and stay unknown.
 */
export function findNewerApis(accepted: string): string[] {
  const folders = new Map<string, string>()
  for (const filename of Object.keys((Module as any)._cache)) {
    // Most files are no part of it: the cheap question first.
    if (!filename.includes('@opentelemetry')) continue
    const path = parsePackagePath(filename)
    if (path?.name !== '@opentelemetry/api' || folders.has(path.baseDir)) continue
    folders.set(path.baseDir, readManifest(path.baseDir).version)
  }
  return [...folders]
    .filter(([, version]) => isNewer(version, accepted))
    .map(([folder, version]) => `${version} in ${folder}`)
}

function isNewer(version: string, accepted: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [acceptedMajor = 0, acceptedMinor = 0] = accepted.split('.').map(Number)
  return major > acceptedMajor || (major === acceptedMajor && minor > acceptedMinor)
}
