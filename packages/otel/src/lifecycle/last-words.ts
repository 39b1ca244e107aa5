// Delivery in the `exit` event, when nothing asynchronous runs any more: a child process sends while we wait.
//
// Why a child and not a worker thread with Atomics.wait: the worker delivers in 11 to 26 ms but must exist beforehand
// (17 MB for every process, for ever); a child costs nothing until the end and then about 40 ms (measured: process.exit
// with 20 spans pending, 39 ms over HTTP and over gRPC), and only when something is pending at all.
import { createRequire } from 'node:module'
import type { Speak } from '../export/export.ts'
import { lastWordsScript } from './last-words-script.ts'

/** What TLS in the child needs; nothing else of the environment is its business, and NODE_OPTIONS would load us again. */
const passedOn = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'SystemRoot']

/**
 * The child's own time begins when it runs: on a machine without time its start alone may take a second, and a collector
 * that answers at once would get nothing. Until then at most this many times the budget.
 */
const startFactor = 4

/** Never throws. Requests the collector did not confirm within the budget are reported as not delivered. */
export const speakLastWords: Speak = (requests, budgetMs) => {
  const delivered = requests.map(() => false)
  // These are not Node when started by their own path.
  if ('electron' in process.versions || 'bun' in process.versions || 'pkg' in process) return delivered
  const header = {
    budgetMs,
    requests: requests.map(({ body, ...rest }) => ({ ...rest, length: body.length })),
  }
  const input = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...requests.map(r => r.body)])
  const env: NodeJS.ProcessEnv = {}
  for (const name of passedOn) if (process.env[name] !== undefined) env[name] = process.env[name]
  try {
    const { stdout } = loadChildProcess().spawnSync(process.execPath, ['-e', lastWordsScript], {
      input,
      env,
      timeout: budgetMs * startFactor,
      killSignal: 'SIGKILL',
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
    })
    for (const line of String(stdout ?? '').split('\n')) if (line !== '') delivered[Number(line)] = true
  } catch {
    // Child processes are forbidden here, or the machine has no room for one.
  }
  return delivered
}

/** At the end, not at the beginning: most processes never need it. `import()` would come too late in `exit`. */
function loadChildProcess(): typeof import('node:child_process') {
  const name = 'node:child_process'
  return process.getBuiltinModule?.(name) ?? createRequire(process.execPath)(name)
}
