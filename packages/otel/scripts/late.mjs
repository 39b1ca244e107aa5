// Files of ours that most runs never need. They stay out of the core, which is parsed at every start (300 KB take 5 ms):
// whoever imports one gets functions of the same names that load the file when the first of them is called. In the
// sources, and so in tests, they are ordinary imports.
// Only functions can be given this way: no classes, no constants, and nobody may compare them.
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Relative to src. */
export const lateFiles = [
  'build/logging.ts',
  'build/span-metrics.ts',
  'config/closest.ts',
  'config/instrumentation-options.ts',
  'config/misspelt.ts',
  'config/parse-json.ts',
  'config/parse-log-fields.ts',
  'config/parse-redaction.ts',
  'config/parse-rules.ts',
  'config/parse-semconv.ts',
  'config/parse-severity-rates.ts',
  'config/render.ts',
  'config/vendor-names.ts',
  'export/last-bodies.ts',
  'export/send-now.ts',
  'lifecycle/in-flight.ts',
  'lifecycle/last-words.ts',
  'lifecycle/permissions.ts',
  'loader/say-libraries.ts',
  'loader/upstream.ts',
  'redact/resource-metrics.ts',
  'redact/redactor.ts',
  'redact/redis-text.ts',
  'redact/text.ts',
  'redact/url.ts',
  'self/error-text.ts',
  'tracing/http/http2-server.ts',
  'tracing/http/old-names.ts',
  'tracing/http/undici-queue.ts',
  'tracing/propagation/other-formats.ts',
  'tracing/sampling/extended-sampling.ts',
]

/**
 * For esbuild: imports of the files become callers of `<up><name>.cjs`. `met` hears of each (its absolute path) and gives
 * the name of its chunk.
 */
export function lateImports({ src, met, up }) {
  const files = new Set(lateFiles.map(file => join(src, file)))
  return {
    name: 'late',
    setup(build) {
      build.onResolve({ filter: /\.ts$/ }, ({ path, resolveDir, kind }) => {
        if (kind !== 'import-statement') return undefined
        const file = join(resolveDir, path)
        return files.has(file) ? { path: file, namespace: 'late', sideEffects: false } : undefined
      })
      build.onResolve({ filter: /\.cjs$/, namespace: 'late' }, ({ path }) => ({ path, external: true }))
      build.onLoad({ filter: /.*/, namespace: 'late' }, async ({ path }) => ({
        contents: await renderCallers(path, `${up}${met(path)}.cjs`),
      }))
    },
  }
}

async function renderCallers(file, chunk) {
  const functions = Object.entries(await import(pathToFileURL(file).href))
  for (const [name, value] of functions)
    if (typeof value !== 'function' || /^class\b/.test(String(value)))
      throw new Error(`${basename(file)} is loaded late, so it can only export functions: ${name} is none`)
  // Kept once it is loaded: `require` looks a path up each time, and some of these are called for every command or span.
  const callers = functions.map(
    ([name]) =>
      `export function ${name}(...args) { return (loaded ??= require(${JSON.stringify(chunk)})).${name}(...args) }`,
  )
  return ['let loaded', ...callers].join('\n')
}
