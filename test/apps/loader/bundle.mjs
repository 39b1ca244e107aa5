// Bundles the guard, the hooks and the chunks with one of the loader's test starts: `node bundle.mjs <start> <outdir>`.
import { fileURLToPath } from 'node:url'
import { bundle } from '../../../packages/otel/scripts/build.mjs'

const [start, outdir] = process.argv.slice(2)
const file = fileURLToPath(new URL(`../../../packages/otel/test/loader/${start}.ts`, import.meta.url))
await bundle({ start: file, outdir, chunks: [] })
