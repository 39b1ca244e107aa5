// OTEL_LOG_LEVEL=debug: what is instrumented, what is not, and why. Said when it is known: rows at start, a library once
// nothing has happened to it for a while, what never changed at the end.
import type { say } from '../self/log.ts'
import type { ChosenRow } from './choose.ts'
import type { SeenLibrary } from './patcher.ts'

/** An application loads a library and its patched files within this. */
const settleMs = 1000

const states: Record<SeenLibrary['state'], (seen: SeenLibrary) => string> = {
  patched: () => 'instrumented',
  loaded: () => 'not instrumented: the file that is patched was not loaded',
  'out of range': ({ detail }) => `not instrumented: ${detail} are the versions we know`,
  'loaded before us': () => 'not instrumented: loaded before us',
  covered: ({ detail }) => `not instrumented itself: ${detail} describes it`,
  failed: () => 'not instrumented: the patch failed, see ORG_OTEL_INTERNAL',
}

function renderLibrary(seen: SeenLibrary): string {
  return `${seen.key}: ${seen.name} ${seen.version} in ${seen.baseDir}: ${states[seen.state](seen)}`
}

/** Begins to say; the returned function stops. `seen` grows while the process runs. */
export function sayLibraries(
  rows: readonly ChosenRow[],
  seen: readonly SeenLibrary[],
  log: typeof say,
): () => void {
  for (const { row, on, reason } of rows)
    log('debug', 'ORG_OTEL_LIBRARY', `${row.key}: ${on ? 'on' : 'off'}, ${reason}`)
  const said = new Map<SeenLibrary, string>()
  function speak(): void {
    for (const one of seen) {
      if (said.get(one) === one.state) continue
      said.set(one, one.state)
      log('debug', 'ORG_OTEL_LIBRARY', renderLibrary(one))
    }
  }
  const timer = setInterval(speak, settleMs)
  timer.unref()
  process.on('exit', speak)
  return () => {
    clearInterval(timer)
    process.removeListener('exit', speak)
  }
}
