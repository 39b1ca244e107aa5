// The promise: how a package comes into the process does not matter. Loaders that hand over source, and other names for a
// package, are instrumented as a plain `require`.
import { bundle, node, run, writeTree } from './loader-process.ts'

jest.setTimeout(60_000)
const register = bundle('start')
const majors = [20, 22, 24, 26]

const connect = {
  // As small as it gets: what the instrumentation of connect looks for.
  'index.js': `module.exports = function createServer() {
    function app(request, response) { app.handle(request, response) }
    app.stack = []
    app.use = (route, handle) => app.stack.push({ route, handle })
    app.handle = function (request, response) { for (const { handle } of this.stack) handle(request, response, () => {}) }
    return app
  }`,
  'package.json': JSON.stringify({ name: 'connect', version: '3.7.0' }),
}
const use = `
  const app = connect()
  app.use('/users', (request, response) => response.end('ok'))
  const server = http.createServer(app).listen(0, '127.0.0.1', async () => {
    await (await fetch('http://127.0.0.1:' + server.address().port + '/users')).text()
    server.close()
    server.closeAllConnections()
  })`
const hook = `
  import { readFile } from 'node:fs/promises'
  import { fileURLToPath } from 'node:url'
  export async function load(url, context, next) {
    const loaded = await next(url, context)
    if (loaded.format !== 'commonjs' || loaded.source != null || !url.startsWith('file:')) return loaded
    return { format: 'commonjs', source: await readFile(fileURLToPath(url)), shortCircuit: true }
  }`
const syncHook = `
  import module from 'node:module'
  import { readFileSync } from 'node:fs'
  import { fileURLToPath } from 'node:url'
  module.registerHooks?.({
    load(url, context, next) {
      const loaded = next(url, context)
      if (loaded.format !== 'commonjs' || loaded.source != null || !url.startsWith('file:')) return loaded
      return { format: 'commonjs', source: readFileSync(fileURLToPath(url)), shortCircuit: true }
    },
  })`

function tree(folder: string, manifest: object = {}): string {
  return writeTree({
    'package.json': manifest,
    [`node_modules/${folder}/index.js`]: connect['index.js'],
    [`node_modules/${folder}/package.json`]: connect['package.json'],
    'app.mjs': `import http from 'node:http'; import connect from '${folder}'; ${use}`,
    'app.cjs': `const http = require('node:http'); const connect = require('${folder}'); ${use}`,
    'late.mjs': `import { register } from 'node:module'; register('./hook.mjs', import.meta.url); await import('./app.mjs')`,
    'hook.mjs': hook,
    'sync.mjs': syncHook,
    'register-hook.mjs': `import { register } from 'node:module'; register('./hook.mjs', import.meta.url)`,
  })
}

async function expectRoute(major: number, args: string[], cwd: string): Promise<void> {
  const { code, report, stderr } = await run(node(major), args, { cwd })
  expect({
    code,
    swallowed: report?.swallowed,
    text: stderr.replace(/\(node.*\n|\(Use.*\n|.*Warning.*\n/g, ''),
  }).toMatchObject({
    code: 0,
    swallowed: 0,
  })
  expect(report.spans.map((span: any) => [span.name, span.attributes['http.route']])).toEqual([
    ['GET', '/users'],
  ])
}

const before = ['--require', register]
const ways: [string, string[]][] = [
  ['module.register() in a preload behind ours', [...before, '--import', './register-hook.mjs', 'app.mjs']],
  [
    'module.register() in a preload before ours',
    ['--import', './register-hook.mjs', '--import', register, 'app.mjs'],
  ],
  ['--loader', [...before, '--loader', './hook.mjs', 'app.mjs']],
  ['module.register() in the main module', [...before, 'late.mjs']],
  ['module.registerHooks() behind ours', [...before, '--import', './sync.mjs', 'app.mjs']],
  ['module.registerHooks() before ours', ['--import', './sync.mjs', '--import', register, 'app.mjs']],
]

describe.each(majors)('on Node %i', major => {
  it.each(ways)('CommonJS whose source comes from %s', async (_way, args) => {
    await expectRoute(major, args, tree('connect'))
  })

  it.each(['app.cjs', 'app.mjs'])('an alias with the name of the library in it, %s', async file => {
    await expectRoute(major, [...before, file], tree('connect3'))
  })

  it.each(['app.cjs', 'app.mjs'])('an alias that only package.json tells, %s', async file => {
    await expectRoute(major, [...before, file], tree('web', { dependencies: { web: 'npm:connect@3' } }))
  })
})
