// Builds dist: a guard that parses anywhere, a core that is loaded at start, and a chunk for everything that is
// loaded only when it is needed: one per instrumentation, every src/**/<name>.chunk.ts, and every file of ours that is
// reached by a dynamic import.
// A module that is in the core exists only there: chunks take it from the core, so its state exists once. The API is an
// exception: its state is on the global object, made to be shared by many copies, and the core needs little of it.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { catalog } from '../src/loader/catalog.ts'
import { dropDocs } from './drop-docs.mjs'
import { lateImports } from './late.mjs'
import { renderNotices } from './notices.mjs'

const home = fileURLToPath(new URL('..', import.meta.url))
const src = join(home, 'src')
const iitm = dirname(createRequire(import.meta.url).resolve('import-in-the-middle'))

const common = {
  absWorkingDir: home,
  bundle: true,
  platform: 'node',
  target: 'node18.19',
  format: 'cjs',
  conditions: ['@org/source', 'import'],
  mainFields: ['module', 'main'],
  // `import()` of our own files is a `require` of a chunk: no need to wake up Node's ES module loader for it.
  supported: { 'dynamic-import': false },
  // Names stay: they are in stack traces, and people read those.
  minifySyntax: true,
  minifyWhitespace: true,
  // Node prints the line of an uncaught error: never a whole file.
  lineLimit: 160,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
}

// In sloppy code a detached `emit` would run with the global object where Node's own throws. Our sources are strict as
// modules; in CommonJS, bundled or not, the first line of the file has to say so.
const strict = '"use strict";'

const base = join(src, 'loader/instrumentation-base.ts')

/** Where the modules of the core live for a chunk, and which of our files become chunks of their own. */
class Layout {
  /** Absolute paths of our source files in the core. */
  inCore = new Set()
  /** What chunks take from the core: absolute paths. */
  shared = new Set()
  /** File name in dist (without .cjs) -> source file. */
  parts = new Map()

  addPart(file) {
    const name = basename(file).replace(/(\.chunk)?\.ts$/, '')
    if ((this.parts.get(name) ?? file) !== file)
      throw new Error(`two chunks want to be ${name}.cjs: ${this.parts.get(name)} and ${file}`)
    this.parts.set(name, file)
    return name
  }
}

/** ES modules get a copy of the API of their own: tracers it handed out before start() must come to life as well. */
const esmEntry = `import * as api from '@opentelemetry/api'
import core from './core.cjs'
core.noteApiCopy(api)
export * from './index.cjs'
`

function isOurs(path, kind) {
  return kind !== 'entry-point' && /^\.\.?\/.*\.ts$/.test(path)
}

/** Dynamic imports of ours become chunks. */
function asCore(layout) {
  return {
    name: 'core',
    setup(build) {
      build.onResolve({ filter: /\.ts$/ }, ({ path, resolveDir, kind }) =>
        isOurs(path, kind) && kind === 'dynamic-import'
          ? { path: `./${layout.addPart(resolve(resolveDir, path))}.cjs`, external: true }
          : undefined,
      )
    },
  }
}

/**
 * Takes what is in the core from the core, and the API from its own chunk. `@opentelemetry/instrumentation` is our own
 * light version of it. `up`: the way from the chunk to dist.
 */
function asChunk(layout, up) {
  const share = key => {
    layout.shared.add(key)
    return { path: key, namespace: 'core' }
  }
  return {
    name: 'chunk',
    setup(build) {
      const external = name => ({ path: `${up}${name}.cjs`, external: true })
      build.onResolve({ filter: /^@opentelemetry\/api$/ }, ({ kind }) =>
        kind === 'entry-point' ? undefined : external('api'),
      )
      build.onResolve({ filter: /^@opentelemetry\/instrumentation$/ }, () => external('instrumentation-base'))
      build.onResolve({ filter: /\.ts$/ }, ({ path, resolveDir, kind }) => {
        if (!isOurs(path, kind)) return undefined
        const file = resolve(resolveDir, path)
        if (file === base) return external('instrumentation-base')
        if (layout.inCore.has(file)) return share(file)
        return kind === 'dynamic-import'
          ? { path: `${up}${layout.addPart(file)}.cjs`, external: true }
          : undefined
      })
      build.onResolve({ filter: /core\.cjs$/ }, ({ path }) => ({ path, external: true }))
      build.onLoad({ filter: /.*/, namespace: 'core' }, ({ path }) => ({
        contents: `module.exports=require(${JSON.stringify(`${up}core.cjs`)}).shared[${JSON.stringify(nameOf(path))}]`,
      }))
    },
  }
}

function nameOf(key) {
  return key.startsWith(src) ? key.slice(src.length + 1) : key
}

function coreEntry(start, layout) {
  const modules = [...layout.shared].sort()
  return {
    contents: [
      `export * from ${JSON.stringify(start)}`,
      ...modules.map((key, i) => `import * as shared${i} from ${JSON.stringify(key)}`),
      `export const shared = {${modules.map((key, i) => `${JSON.stringify(nameOf(key))}: shared${i}`).join(',')}}`,
    ].join('\n'),
    resolveDir: home,
    sourcefile: 'core.ts',
    loader: 'ts',
  }
}

/** import-in-the-middle asks for `lib/register.js`, which a package of type "module" has to call .cjs. */
const registerAsCjs = {
  name: 'register-as-cjs',
  setup(build) {
    build.onLoad({ filter: /create-hook\.mjs$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      if (!source.includes("'lib/register.js'")) throw new Error('import-in-the-middle moved lib/register.js')
      return { contents: source.replaceAll("'lib/register.js'", "'lib/register.cjs'"), loader: 'js' }
    })
  },
}

function instrumentationEntry({ source, owner }) {
  const name = owner === 'ours' ? 'hooks' : 'Instrumentation'
  return {
    contents: `export { ${source.exported} as ${name} } from '${source.from}'`,
    resolveDir: home,
    sourcefile: 'instrumentation.ts',
    loader: 'ts',
  }
}

/**
 * Bundles the product into `outdir` and returns esbuild's metafiles.
 * `start`: the module whose exports the core offers to the guard; tests bring their own.
 * `index`: the public entry, if any. `chunks`: files that become `<name>.cjs`.
 */
export async function bundle({ outdir, start, index, chunks }) {
  const layout = new Layout()
  const metafiles = []
  const run = async options => {
    const banner = options.format === 'esm' ? {} : { js: strict + (options.banner?.js ?? '') }
    metafiles.push((await build({ ...common, ...options, banner })).metafile)
  }
  const at = file => join(outdir, file)
  const late = up => lateImports({ src, up, met: file => layout.addPart(file) })
  const chunk = (options, up = './') => run({ ...options, plugins: [late(up), asChunk(layout, up)] })

  const core = {
    stdin: coreEntry(start, layout),
    outfile: at('core.cjs'),
    plugins: [late('./'), dropDocs, asCore(layout)],
  }
  const dry = await build({ ...common, ...core, write: false })
  for (const file of Object.keys(dry.metafile.inputs)) layout.inCore.add(resolve(home, file))

  const instrumentations = new Map(catalog.filter(row => row.source).map(row => [row.chunk, row]))
  await Promise.all([
    ...[...instrumentations].map(([name, row]) =>
      chunk({ stdin: instrumentationEntry(row), outfile: at(`lib/${name}.cjs`) }, '../'),
    ),
    ...(index ? [chunk({ entryPoints: [index], outfile: at('index.cjs') })] : []),
    chunk({ entryPoints: ['@opentelemetry/api'], outfile: at('api.cjs') }),
    chunk({ entryPoints: [base], outfile: at('instrumentation-base.cjs') }),
    // The guard parses on every Node that may meet it, and carries nothing.
    run({ entryPoints: [join(src, 'register.cts')], outfile: at('register.cjs'), target: 'node8' }),
    // import-in-the-middle: for this thread, for the hooks thread, and what its wrapper modules import (not bundled:
    // Node reads the names of its exports from the text).
    run({
      entryPoints: [join(iitm, 'create-hook.mjs')],
      outfile: at('iitm/create-hook.cjs'),
      define: { 'import.meta.url': '__thisFile' },
      banner: { js: 'const __thisFile=require("node:url").pathToFileURL(__filename).href;' },
      plugins: [registerAsCjs],
    }),
    run({
      entryPoints: [join(src, 'loader/esm-thread.ts')],
      outfile: at('iitm/hook.mjs'),
      format: 'esm',
      supported: {},
      plugins: [registerAsCjs],
    }),
    run({
      entryPoints: [join(iitm, 'lib/register.js')],
      outfile: at('iitm/lib/register.cjs'),
      bundle: false,
    }),
  ])
  // Chunks may ask for chunks, which the loop then meets as well.
  for (const file of chunks) layout.addPart(file)
  for (const [name, file] of layout.parts) await chunk({ entryPoints: [file], outfile: at(`${name}.cjs`) })

  await run({ ...core, stdin: coreEntry(start, layout) })
  // Wrapped modules are parsed twice: it doubled the time to load the core.
  if (readFileSync(at('core.cjs'), 'utf8').includes('__esm('))
    throw new Error(
      'a file of the core is also reached by require() or import(); the core would load at half speed',
    )
  return metafiles
}

function emitTypes(dist) {
  const config = join(dist, 'tsconfig.json')
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    outDir: 'types',
    rootDir: '../src',
  }
  const files = ['../src/index.ts']
  writeFileSync(config, JSON.stringify({ extends: '../tsconfig.json', compilerOptions, files, include: [] }))
  const tsc = spawnSync('tsc', ['-p', config], { stdio: 'inherit' })
  rmSync(config)
  if (tsc.status !== 0) process.exit(tsc.status ?? 1)
  writeFileSync(join(dist, 'types', 'package.json'), '{"type":"commonjs"}\n')
  for (const kind of ['m', 'c'])
    writeFileSync(join(dist, `index.d.${kind}ts`), `export * from './types/index.js'\n`)
}

async function main() {
  const dist = join(home, 'dist')
  rmSync(dist, { recursive: true, force: true })
  mkdirSync(dist, { recursive: true })
  const metafiles = await bundle({
    outdir: dist,
    start: join(src, 'start.ts'),
    index: join(src, 'index.ts'),
    chunks: globSync('**/*.chunk.ts', { cwd: src }).map(file => join(src, file)),
  })
  writeFileSync(join(dist, 'index.mjs'), esmEntry)
  emitTypes(dist)
  writeFileSync(join(dist, 'THIRD-PARTY-NOTICES.md'), renderNotices(metafiles, home))
  cpSync(join(home, '../../LICENSE'), join(home, 'LICENSE'))
  const bytes = globSync('**/*', { cwd: dist }).reduce(
    (sum, file) => sum + statSync(join(dist, file)).size,
    0,
  )
  process.stderr.write(`@org/otel: dist is ${(bytes / 1e6).toFixed(2)} MB\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(join(src, 'start.ts'))) throw new Error('src/start.ts is missing')
  await main()
}
