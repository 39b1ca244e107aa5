// What runs at every start must stay small: this holds what it loads, because milliseconds differ between machines. As it
// ships: what most runs never need is loaded when it is called (scripts/late.mjs).
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

// In a process of its own: the plugin imports the sources, as the build does.
const bundling = `
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { lateImports } from './scripts/late.mjs'

const { metafile } = await build({
  stdin: {
    contents: \`
      export { resolveConfig } from './resolve.ts'
      export { readEnv } from './read-env.ts'
      export { readFacts } from './facts.ts'
      export { renderStartupLine } from './render.ts'
    \`,
    resolveDir: join(process.cwd(), 'src/config'),
  },
  bundle: true,
  write: false,
  metafile: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  external: ['./*.cjs'],
  plugins: [lateImports({ src: join(process.cwd(), 'src'), up: './', met: file => basename(file, '.ts') })],
})
process.stdout.write(JSON.stringify(metafile))
`

interface Metafile {
  outputs: Record<string, { bytes: number; inputs: object; imports: { path: string }[] }>
}

test('deciding loads no YAML, no option checker, no documentation, and of Node only fs, os and path', () => {
  const args = ['--input-type=module', '-e', bundling]
  const cwd = join(__dirname, '../..')
  const { outputs } = JSON.parse(execFileSync(process.execPath, args, { cwd, encoding: 'utf8' })) as Metafile
  const [output] = Object.values(outputs)
  const inputs = Object.keys(output!.inputs).map(path => path.slice(path.lastIndexOf('/') + 1))
  expect(inputs).toContain('resolve.ts')
  expect(inputs.filter(name => /^(file|file-.*|user-options|docs|codes)\.ts$/.test(name))).toEqual([])
  expect(Object.keys(output!.inputs).filter(path => path.includes('node_modules'))).toEqual([])
  const builtins = output!.imports.map(i => i.path).filter(path => path.startsWith('node:'))
  expect([...new Set(builtins)].sort()).toEqual(['node:fs', 'node:os', 'node:path'])
  expect(output!.bytes).toBeLessThan(56_000)
})
