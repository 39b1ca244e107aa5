import { app, bundle, node, run, writeTree } from './loader-process.ts'

jest.setTimeout(60_000)
const majors = [20, 22, 24, 26]
const nodes = Object.fromEntries(majors.map(major => [major, node(major)]))
const register = bundle('start')
const hooks = bundle('hooks-start')

describe.each(majors)('on Node %s', major => {
  const bin = nodes[major]!

  it.each([
    ['--require', 'web.cjs'],
    ['--require', 'web.mjs'],
    ['--import', 'web.cjs'],
    ['--import', 'web.mjs'],
  ])('%s instruments express, pg and ioredis of %s and says nothing', async (flag, file) => {
    const ran = await run(bin, [flag, register, app(file)])
    expect(ran).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(ran.report.swallowed).toBe(0)
    const spans = ran.report.spans.map((span: any) => `${span.scope.split('-').pop()} ${span.name}`)
    expect(spans.sort()).toEqual(['http GET', 'ioredis connect', 'ioredis get', 'pg pg.connect'])
    const request = ran.report.spans.find((span: any) => span.scope === 'http')
    expect(request.attributes['http.route']).toBe('/users/:id')
    const rest = ran.report.spans.filter((span: any) => span !== request)
    expect(rest.every((span: any) => span.parentId !== undefined)).toBe(true)
  })

  const innerCjs = 'exports.hello = () => "inner"'
  const layouts: [string, Record<string, string | object>, string, string, number][] = [
    [
      'a main file that re-exports, and an inner file',
      {
        'node_modules/shape/package.json': { version: '1.0.0', main: './lib' },
        'node_modules/shape/lib/index.js': 'module.exports = require("./main"); exports.inner = 1',
        'node_modules/shape/lib/main.js':
          'const inner = require("./inner"); module.exports = { hello: () => inner.hello() }',
        'node_modules/shape/lib/inner.js': innerCjs,
        'app.cjs': 'process.stdout.write(require("shape").hello())',
      },
      'app.cjs',
      'patched patched inner',
      2,
    ],
    [
      '.cjs files behind conditional exports',
      {
        'node_modules/shape/package.json': {
          version: '1.0.0',
          type: 'module',
          exports: { '.': { types: './t.d.ts', require: './main.cjs', default: './main.js' } },
        },
        'node_modules/shape/main.cjs': 'module.exports = { hello: () => require("./lib/inner.cjs").hello() }',
        'node_modules/shape/main.js': 'export const hello = () => "esm"',
        'node_modules/shape/lib/inner.cjs': innerCjs,
        'app.cjs': 'process.stdout.write(require("shape").hello())',
      },
      'app.cjs',
      'patched patched inner',
      2,
    ],
    [
      'named imports of a CommonJS package',
      {
        'node_modules/shape/package.json': { version: '1.0.0' },
        'node_modules/shape/index.js': 'exports.hello = () => "cjs"',
        'app.mjs':
          'import { hello } from "shape"; import shape from "shape"; process.stdout.write(hello() + "/" + shape.hello())',
      },
      'app.mjs',
      'patched cjs/patched cjs',
      1,
    ],
    [
      'an ES module with an inner file',
      {
        'node_modules/@scope/shape/package.json': { version: '1.0.0', type: 'module', exports: './index.js' },
        'node_modules/@scope/shape/index.js':
          'import { hello as inner } from "./inner.js"; export const hello = () => inner()',
        'node_modules/@scope/shape/inner.js': 'export const hello = () => "esm"',
        'app.mjs': 'import { hello } from "@scope/shape"; process.stdout.write(hello())',
      },
      'app.mjs',
      'patched patched esm',
      2,
    ],
    [
      'an ES module that only re-exports the CommonJS main, patched once',
      {
        'node_modules/@scope/shape/package.json': {
          version: '1.0.0',
          exports: { import: './index.mjs', require: './index.js' },
        },
        'node_modules/@scope/shape/index.js': 'exports.hello = () => "cjs"',
        'node_modules/@scope/shape/index.mjs':
          'import shape from "./index.js"; export const hello = shape.hello; export default shape',
        'app.mjs':
          'import { hello } from "@scope/shape"; import { createRequire } from "node:module"; process.stdout.write(hello() + "/" + createRequire(import.meta.url)("@scope/shape").hello())',
      },
      'app.mjs',
      'patched cjs/patched cjs',
      1,
    ],
    [
      'files that require each other',
      {
        'node_modules/shape/package.json': { version: '1.0.0' },
        'node_modules/shape/index.js':
          'exports.early = () => exports.hello(); exports.inner = require("./lib/inner"); exports.hello = () => "main"',
        'node_modules/shape/lib/inner.js':
          'const main = require(".."); exports.hello = () => "inner of " + main.hello()',
        'app.cjs': 'process.stdout.write(require("shape").inner.hello())',
      },
      'app.cjs',
      'patched inner of patched main',
      2,
    ],
  ]

  layouts.push([
    'exports that a bundler made read-only',
    {
      'node_modules/shape/package.json': { version: '1.0.0' },
      'node_modules/shape/index.js':
        'const m = { hello: () => "sealed" }; Object.defineProperty(exports, "__esModule", { value: true }); Object.defineProperty(exports, "hello", { enumerable: true, get: function () { return m.hello; } }); exports.rest = 1',
      'app.mjs':
        'import * as shape from "shape"; import { createRequire } from "node:module"; const again = createRequire(import.meta.url)("shape"); process.stdout.write([shape.hello(), again.hello(), again.rest, again.__esModule].join("/"))',
    },
    'app.mjs',
    'patched sealed/patched sealed/1/true',
    1,
  ])

  it.each(layouts)('sees %s', async (_layout, files, entry, output, patched) => {
    const cwd = writeTree(files)
    const ran = await run(bin, ['--require', hooks, entry], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: output, stderr: '' })
    expect(ran.report.calls).toHaveLength(patched)
    expect(ran.report.swallowed).toBe(0)
  })

  it('sees what a transpiler loads past the handler for .js files', async () => {
    const cwd = writeTree({
      'transpiler.cjs':
        'const { readFileSync } = require("fs"); require.extensions[".js"] = (module, file) => module._compile(readFileSync(file, "utf8").replace("cjs", "transpiled"), file)',
      'node_modules/shape/package.json': { version: '1.0.0' },
      'node_modules/shape/index.js': 'exports.hello = () => "cjs"',
      'app.cjs': 'process.stdout.write(require("shape").hello())',
    })
    const ran = await run(bin, ['--require', hooks, '--require', './transpiler.cjs', 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'patched transpiled', stderr: '' })
    expect(ran.report.calls).toHaveLength(1)
  })

  it('sees what a compile cache compiles by itself', async () => {
    const cwd = writeTree({
      'cache.cjs':
        'const Module = require("module"); Module.prototype._compile = function (content, file) { const { dirname } = require("path"); require("vm").runInThisContext(Module.wrap(content))(this.exports, id => this.require(id), this, file, dirname(file)) }',
      'node_modules/shape/package.json': { version: '1.0.0' },
      'node_modules/shape/index.js': 'exports.hello = () => "cached"',
      'app.cjs': 'process.stdout.write(require("shape").hello())',
    })
    const ran = await run(bin, ['--require', hooks, '--require', './cache.cjs', 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'patched cached', stderr: '' })
  })

  it('lets named imports see exports that were replaced as a whole', async () => {
    const cwd = writeTree({
      'node_modules/shape/package.json': { version: '1.0.0' },
      'node_modules/shape/index.js': 'exports.hello = () => "cjs"',
      'app.mjs': 'import { hello } from "shape"; process.stdout.write(hello())',
    })
    const ran = await run(bin, ['--import', hooks, 'app.mjs'], { cwd, env: { TEST_REPLACE: 'true' } })
    expect(ran).toMatchObject({ code: 0, stdout: 'patched cjs', stderr: '' })
  })

  it('patches every copy of a library with its own version, and leaves those out of range alone', async () => {
    const cwd = writeTree({
      'node_modules/shape/package.json': { version: '1.0.0' },
      'node_modules/shape/index.js': 'exports.hello = () => "one"',
      'node_modules/a/index.js': 'exports.hello = require("shape").hello',
      'node_modules/a/node_modules/shape/package.json': { version: '2.5.0' },
      'node_modules/a/node_modules/shape/index.js': 'exports.hello = () => "two"',
      'node_modules/.pnpm/b@1/node_modules/b/index.js': 'exports.hello = require("shape").hello',
      'node_modules/.pnpm/b@1/node_modules/shape/package.json': { version: '3.0.0' },
      'node_modules/.pnpm/b@1/node_modules/shape/index.js': 'exports.hello = () => "three"',
      'app.cjs':
        'const b = require("./node_modules/.pnpm/b@1/node_modules/b"); process.stdout.write([require("shape"), require("a"), b].map(x => x.hello()).join())',
    })
    const ran = await run(bin, ['--require', hooks, 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'patched one,patched two,three', stderr: '' })
    const seen = ran.report.seen.map((one: any) => `${one.version} ${one.state}`)
    expect(seen.sort()).toEqual(['1.0.0 patched', '2.5.0 patched', '3.0.0 out of range'])
  })

  it('does not patch a library that a patched one brings for itself', async () => {
    const cwd = writeTree({
      'node_modules/shape/package.json': { version: '1.0.0' },
      'node_modules/shape/index.js': 'exports.hello = require("part").hello',
      'node_modules/part/package.json': { version: '1.0.0' },
      'node_modules/part/index.js': 'exports.hello = () => "part"',
      'app.cjs': 'process.stdout.write(require("shape").hello())',
    })
    const ran = await run(bin, ['--require', hooks, 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'patched part', stderr: '' })
    expect(ran.report.seen).toContainEqual(
      expect.objectContaining({ name: 'part', state: 'covered', detail: 'shape' }),
    )
  })

  it('gives the application its library untouched when a patch of ours throws', async () => {
    const cwd = writeTree({
      'node_modules/broken/package.json': { version: '1.0.0' },
      'node_modules/broken/index.js': 'exports.hello = () => "works"',
      'app.cjs': 'process.stdout.write(require("broken").hello())',
    })
    const ran = await run(bin, ['--require', hooks, 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'works' })
    expect(ran.stderr).toMatch(
      /^\[otel\] ORG_OTEL_INTERNAL instrumentation broken on broken 1\.0\.0: Error: a bug of ours/,
    )
    expect(ran.report.swallowed).toBe(1)
  })

  it('lets an error in a library reach the application as it is', async () => {
    const cwd = writeTree({
      'node_modules/shape/package.json': { version: '1.0.0' },
      'node_modules/shape/index.js': 'throw Object.assign(new Error("theirs"), { code: "THEIRS" })',
      'app.cjs': 'try { require("shape") } catch (error) { process.stdout.write(error.code) }',
    })
    const ran = await run(bin, ['--require', hooks, 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'THEIRS', stderr: '' })
    expect(ran.report.calls).toEqual([])
  })

  it('starts once, whatever threads Node makes for itself', async () => {
    const cwd = writeTree({
      'app.mjs':
        'import { register } from "node:module"; import { existsSync } from "node:fs"; process.stdout.write(String(existsSync("starts")))',
    })
    const ran = await run(bin, ['--require', hooks, 'app.mjs'], { cwd, env: { TEST_STARTS: 'starts' } })
    expect(ran).toMatchObject({ code: 0, stdout: 'true', stderr: '' })
    const count = await run(bin, ['-p', 'require("fs").readFileSync("starts", "utf8")'], { cwd })
    expect(count.stdout).toBe('started\n\n')
  })
})

describe.each(majors)('an ES module of the table that nobody could expect, on Node %s', major => {
  it('is seen when it is required', async () => {
    const nest = 'node_modules/a/node_modules/@nestjs/core'
    const cwd = writeTree({
      'node_modules/a/index.js': 'module.exports = require("@nestjs/core")',
      [`${nest}/package.json`]: { version: '12.0.0', exports: './esm/index.js' },
      [`${nest}/esm/package.json`]: { type: 'module' },
      [`${nest}/esm/index.js`]: 'export * from "../nest-factory.mjs"',
      [`${nest}/nest-factory.mjs`]: 'export * from "./nest-factory.js"',
      [`${nest}/nest-factory.js`]: 'exports.NestFactoryStatic = class { create() {} }',
      'node_modules/a/node_modules/openai/package.json': {
        version: '7.0.0',
        type: 'module',
        exports: './index.js',
      },
      'node_modules/a/node_modules/openai/index.js': `class Completions { create() {} }
        export class OpenAI {}
        OpenAI.Chat = { Completions }
        OpenAI.Embeddings = class { create() {} }
        export default { OpenAI }`,
      'node_modules/a/openai.js': 'module.exports = require("openai")',
      'app.cjs': `const { NestFactoryStatic } = require('a')
        const { OpenAI } = require('a/openai')
        process.stdout.write([NestFactoryStatic.prototype.create.__wrapped, OpenAI.Chat.Completions.prototype.create.__wrapped].join())`,
    })
    const ran = await run(nodes[major]!, ['--require', register, 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'true,true' })
    expect(ran.report.swallowed).toBe(0)
  })
})

describe('libraries', () => {
  const bin = nodes[24]!

  it('are not instrumented, and named, when they were loaded before us', async () => {
    const ran = await run(bin, ['--require', 'express', '--require', register, app('web.cjs')])
    expect(ran.code).toBe(0)
    expect(ran.stderr).toMatch(
      /^\[otel\] ORG_OTEL_LOADED_BEFORE .*express 5\.3\.0.* loaded before @org\/otel.*\n$/,
    )
    expect(ran.report.seen).toContainEqual(
      expect.objectContaining({ name: 'express', state: 'loaded before us' }),
    )
  })

  it('out of range are left alone and named', async () => {
    const cwd = writeTree({
      'node_modules/koa/package.json': { version: '9.0.0' },
      'node_modules/koa/index.js': 'exports.hello = () => "koa"',
      'app.cjs': 'process.stdout.write(require("koa").hello())',
    })
    const ran = await run(bin, ['--require', register, 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'koa' })
    expect(ran.stderr).toBe(
      '[otel] ORG_OTEL_LIBRARY_VERSION koa 9.0.0 is not instrumented: koa supports >=2.0.0 <4\n',
    )
  })

  it('that are not enabled are not even opened', async () => {
    const ran = await run(bin, ['--require', register, app('web.cjs')], {
      env: { OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'pg' },
    })
    expect(ran.report.seen.map((one: any) => one.key)).toEqual(['pg', 'pg'])
  })

  it('get their options', async () => {
    const ran = await run(bin, ['--require', register, app('web.cjs')], {
      env: { TEST_OPTIONS: JSON.stringify({ express: { requestHandlerSpans: true } }) },
    })
    const names = ran.report.spans
      .filter((span: any) => span.scope.endsWith('express'))
      .map((span: any) => span.name)
    expect(names).toEqual(['request handler'])
  })

  it('are patched just the same when all chunks are opened at start', async () => {
    const ran = await run(bin, ['--require', register, app('web.cjs')], { env: { TEST_EAGER: 'true' } })
    expect(ran).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(ran.report.instrumented).toEqual(expect.arrayContaining(['express', 'pg', 'ioredis']))
  })

  it('built into Node are patched for import as well when asked for', async () => {
    const cwd = writeTree({
      'app.mjs': `import { lookup } from 'node:dns'
        import { readFile } from 'node:fs/promises'
        import { connect } from 'node:net'
        const { inSpan } = globalThis[Symbol.for('org.otel.test')]
        await inSpan(() => new Promise(resolve => lookup('localhost', resolve)))
        await inSpan(() => readFile(import.meta.filename))
        await inSpan(() => new Promise(resolve => connect(1, '127.0.0.1').on('error', resolve)))`,
    })
    const ran = await run(bin, ['--import', register, 'app.mjs'], {
      cwd,
      env: { OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'net,dns,fs' },
    })
    expect(ran).toMatchObject({ code: 0, stdout: '', stderr: '' })
    const names = ran.report.spans.map((span: any) => span.name)
    expect(names).toEqual(expect.arrayContaining(['dns.lookup', 'fs readFile', 'tcp.connect']))
  })

  it('are as they were once we let go of them', async () => {
    const cwd = writeTree({
      'app.cjs': `const { attached } = globalThis[Symbol.for('org.otel.test')]
        const { createRequire } = require('node:module')
        const load = createRequire(${JSON.stringify(app('web.cjs'))})
        const { Client } = load('pg')
        const Koa = load('koa')
        const patched = Client.prototype.connect
        const before = Koa.prototype.use.__wrapped
        attached.detach()
        process.stdout.write([Client.prototype.connect === patched, before, Koa.prototype.use.__wrapped].join())`,
    })
    const ran = await run(bin, ['--require', register, 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'false,true,', stderr: '' })
  })

  it('run in a Lambda function have their handler wrapped', async () => {
    const cwd = writeTree({
      'index.js': 'exports.handler = async () => "done"',
      'runtime.cjs':
        'require("./index.js").handler({}, { awsRequestId: "1", invokedFunctionArn: "arn:aws:lambda:eu:1:function:f" }).then(x => process.stdout.write(x))',
    })
    const ran = await run(bin, ['--require', register, 'runtime.cjs'], {
      cwd,
      env: { _HANDLER: 'index.handler', LAMBDA_TASK_ROOT: cwd, AWS_LAMBDA_FUNCTION_NAME: 'f' },
    })
    expect(ran).toMatchObject({ code: 0, stdout: 'done' })
    expect(ran.report.spans).toContainEqual(
      expect.objectContaining({ scope: '@opentelemetry/instrumentation-aws-lambda' }),
    )
  })
})
