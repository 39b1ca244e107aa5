// What runs at every start must stay small: this holds what it loads, because milliseconds differ between machines.
import { join } from 'node:path'
import { build } from 'esbuild'

test('deciding loads no YAML, no option checker, no documentation, and of Node only fs, os and path', async () => {
  const { metafile } = await build({
    stdin: {
      contents: `
        export { resolveConfig } from './resolve.ts'
        export { readEnv } from './read-env.ts'
        export { readFacts } from './facts.ts'
        export { renderStartupLine } from './render.ts'
      `,
      resolveDir: __dirname,
    },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    absWorkingDir: join(__dirname, '../..'),
  })
  const [output] = Object.values(metafile.outputs)
  const inputs = Object.keys(output!.inputs).map(path => path.slice(path.lastIndexOf('/') + 1))
  expect(inputs.filter(name => /^(file|file-.*|user-options|docs|codes)\.ts$/.test(name))).toEqual([])
  expect(Object.keys(output!.inputs).filter(path => path.includes('node_modules'))).toEqual([])
  expect([...new Set(output!.imports.map(i => i.path))].sort()).toEqual(['node:fs', 'node:os', 'node:path'])
  expect(output!.bytes).toBeLessThan(70_000)
})
