// Builds the package in the current directory: one CommonJS bundle that holds the state, a thin ES module
// over it (so both kinds of importer share one copy), and the declarations.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object' && target.require)
  .map(([, target]) => ({
    source: target['@org/source'],
    name: target['@org/source'].replace(/^\.\/src\//, '').replace(/\.ts$/, ''),
  }))
const external = [
  ...Object.keys(manifest.dependencies ?? {}),
  ...Object.keys(manifest.peerDependencies ?? {}),
]

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist', { recursive: true })
await build({
  entryPoints: Object.fromEntries(entries.map(e => [e.name, e.source])),
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20.6',
  format: 'cjs',
  conditions: ['@org/source'],
  external,
  legalComments: 'none',
  logLevel: 'warning',
})
writeFileSync(
  'dist/tsconfig.json',
  JSON.stringify({
    extends: '../tsconfig.json',
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      outDir: 'types',
      rootDir: '../src',
    },
    include: ['../src'],
    exclude: ['../src/**/*.test.ts'],
  }),
)
const tsc = spawnSync('tsc', ['-p', 'dist/tsconfig.json'], { stdio: 'inherit' })
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
rmSync('dist/tsconfig.json')
for (const { name } of entries) {
  writeFileSync(join('dist', `${name}.mjs`), `export * from './${name}.cjs'\n`)
  writeFileSync(join('dist', `${name}.d.mts`), `export * from './types/${name}.js'\n`)
  writeFileSync(join('dist', `${name}.d.cts`), `export * from './types/${name}.js'\n`)
}
// Type-only entries for both module systems: the declarations say "module" through their own package.json.
writeFileSync(join('dist', 'types', 'package.json'), '{"type":"commonjs"}\n')
cpSync('../../LICENSE', 'LICENSE', { force: true })
