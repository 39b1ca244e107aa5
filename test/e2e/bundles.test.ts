// The promise of docs/libraries.md: HTTP is traced in a bundle, libraries are when the bundler leaves them outside.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expectTrace, runApp } from '@org/otel-devtools/testing'
import { buildSync } from 'esbuild'

// Inside the package, so that what is left outside is found.
const cache = join(__dirname, '../.cache')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'bundle-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

writeFileSync(
  join(folder, 'app.mjs'),
  `import express from 'express'
  const app = express()
  app.get('/users/:id', (request, response) => response.send('ok'))
  const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))`,
)

test.each([
  ['inside', 'bundle', 'GET'],
  ['left outside', 'external', 'GET /users/:id'],
] as const)('with express %s the bundle (%s) the server span is called %s', async (_, packages, name) => {
  const file = join(folder, `${packages}.cjs`)
  buildSync({
    entryPoints: [join(folder, 'app.mjs')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages,
    logLevel: 'silent',
  })
  await using app = await runApp(file)
  await app.get('/users/7')
  const trace = await expectTrace(app, { name, kind: 'server', attributes: { 'url.path': '/users/7' } })
  expect(trace.spans).toHaveLength(1)
})
