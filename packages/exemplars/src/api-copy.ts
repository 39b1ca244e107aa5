// An application can have several copies of @opentelemetry/api. They meet in one global, and a copy accepts only what was
// registered with its own minor version or a later one: an SDK with an older copy is invisible from a newer one.
import { readFileSync } from 'node:fs'
import { trace } from '@opentelemetry/api'

type Registered = { readonly version?: unknown; readonly trace?: object }

const registryKey = Symbol.for('opentelemetry.js.api.1')
/** Once per process, whichever of our packages sees it first. */
const saidKey = Symbol.for('org.otel.api-copy')
const code = 'ORG_OTEL_API_COPY'
let isSettled = false

/** Called where there is nothing to do without an SDK: says once when there is one that our copy of the API refuses. */
export function noticeHiddenSdk(): void {
  if (isSettled) return
  const holder = globalThis as Record<symbol, unknown>
  const registered = holder[registryKey] as Registered | undefined
  if (registered?.trace === undefined) return
  isSettled = true
  // What a copy does not accept, it does not give.
  if (trace.getTracerProvider() === registered.trace) return
  if (holder[saidKey] === true) return
  holder[saidKey] = true
  const theirs = String(registered.version)
  try {
    process.stderr.write(
      `[otel] ${code} @org/otel-exemplars uses @opentelemetry/api ${ownVersion()}, the SDK registered with ${theirs}, and a newer copy accepts no older one: no exemplars. Install one copy for both, npm install @opentelemetry/api@${theirs}; npm ls @opentelemetry/api shows who brought which\n`,
    )
  } catch {
    // stderr is closed: there is nobody to tell.
  }
}

/** The API exports neither its version nor its manifest. */
function ownVersion(): string {
  try {
    const [home] = /^.*[\\/]@opentelemetry[\\/]api[\\/]/.exec(
      require.resolve('@opentelemetry/api'),
    ) as RegExpExecArray
    return JSON.parse(readFileSync(`${home}package.json`, 'utf8')).version
  } catch {
    // Bundled into the application.
    return 'of another version'
  }
}
