import { cpSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bundle, makeFolder, node, run, writeTree } from './loader-process.ts'

jest.setTimeout(60_000)
const majors = [20, 22, 24, 26]
const nodes = Object.fromEntries(majors.map(major => [major, node(major)]))
const register = bundle('hooks-start')
const hello = 'process.stdout.write("hello")'

/** Starts that the processes of one test made, over all their threads. */
function startsIn(text: string): number {
  return text.split('started').length - 1
}

async function startsOf(bin: string, args: string[], env: Record<string, string>, cwd: string) {
  const file = join(cwd, 'starts')
  writeFileSync(file, '')
  const ran = await run(bin, args, { cwd, env: { ...env, TEST_STARTS: file } })
  const { stdout } = await run(nodes[24]!, [
    '-p',
    `require("fs").readFileSync(${JSON.stringify(file)}, "utf8")`,
  ])
  return { ...ran, starts: startsIn(stdout) }
}

describe('the guard', () => {
  it.each(['8.17.0', '14.21.3'])('says one line on Node %s and lets the application run', async version => {
    const cwd = writeTree({ 'app.js': hello })
    const ran = await run(node(version), ['--require', register, 'app.js'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'hello', report: undefined })
    expect(ran.stderr).toBe(
      `[otel] ORG_OTEL_SKIPPED not started: Node ${version} is not supported (20.6 or newer is); the application runs without it\n`,
    )
  })

  describe.each(majors)('on Node %s', major => {
    const bin = nodes[major]!

    it.each(['--require', '--import'])('starts by %s', async flag => {
      const cwd = writeTree({ 'app.cjs': hello })
      const ran = await startsOf(bin, [flag, register, 'app.cjs'], {}, cwd)
      expect(ran).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts: 1 })
    })

    it('starts by NODE_OPTIONS, and by a bare import of the package', async () => {
      const cwd = writeTree({ 'app.mjs': hello })
      const byOptions = await startsOf(bin, ['app.mjs'], { NODE_OPTIONS: `--require ${register}` }, cwd)
      expect(byOptions).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts: 1 })
      const imported = writeTree({ 'app.mjs': `import ${JSON.stringify(register)}; ${hello}` })
      const byImport = await startsOf(bin, ['app.mjs'], {}, imported)
      expect(byImport).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts: 1 })
    })

    it('stays out of worker threads, and says nothing there', async () => {
      const cwd = writeTree({
        'app.cjs': `const { Worker } = require('worker_threads')
          for (let i = 0; i < 3; i++) new Worker('process.getuid', { eval: true })
          new Worker('./esm.mjs')
          ${hello}`,
        'esm.mjs': 'export {}',
      })
      const ran = await startsOf(bin, ['--require', register, 'app.cjs'], {}, cwd)
      expect(ran).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts: 1 })
    })

    it('starts in worker threads when asked, but not in a log transport nor in the loader thread', async () => {
      const cwd = writeTree({
        'app.cjs': `const { Worker } = require('worker_threads')
          new Worker('0', { eval: true })
          const workerData = { filename: 'x', dataBuf: 0, stateBuf: 0, workerData: {} }
          new Worker('0', { eval: true, workerData })
          import('./dynamic.mjs')
          ${hello}`,
        'dynamic.mjs': 'export {}',
      })
      const ran = await startsOf(bin, ['--require', register, 'app.cjs'], { ORG_OTEL_WORKERS: 'true' }, cwd)
      expect(ran).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts: 2 })
    })
  })

  const bin = nodes[24]!

  it.each([
    ['OTEL_SDK_DISABLED=true', { OTEL_SDK_DISABLED: 'true' }, 0],
    ['OTEL_SDK_DISABLED=TRUE', { OTEL_SDK_DISABLED: ' TRUE ' }, 0],
    ['OTEL_SDK_DISABLED=1, which the specification reads as false', { OTEL_SDK_DISABLED: '1' }, 1],
  ])('with %s', async (_what, env, starts) => {
    const cwd = writeTree({ 'app.cjs': hello })
    const ran = await startsOf(bin, ['--require', register, 'app.cjs'], env as Record<string, string>, cwd)
    expect(ran).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts })
  })

  it.each([
    ['node_modules/npm/bin/npm-cli.js', 0],
    ['node_modules/npm/bin/npx-cli.js', 0],
    ['node_modules/pnpm/bin/pnpm.cjs', 0],
    ['node_modules/corepack/dist/yarn.js', 0],
    ['.yarn/releases/yarn.cjs', 0],
    ['node_modules/typescript/bin/tsc', 0],
    ['node_modules/.bin/turbo', 0],
    ['node_modules/webpack/bin/webpack.js', 0],
    ['.yarn/releases/yarn-4.12.0.cjs', 0],
    ['node_modules/pm2/lib/Daemon.js', 0],
    ['node_modules/tsx/dist/cli.mjs', 0],
    ['node_modules/next/dist/bin/next build', 0],
    // The next ones are services.
    ['node_modules/next/dist/bin/next start', 1],
    ['node_modules/next/dist/bin/next', 1],
    ['node_modules/pm2/lib/ProcessContainerFork.js', 1],
    ['src/npm.js', 1],
    ['npm/index.js', 1],
    ['bin/server.js', 1],
    ['node_modules/my-service/dist/cli.js', 1],
  ])('counts %s as a tool or not (%s starts)', async (line, starts) => {
    const [file = '', ...args] = line.split(' ')
    const cwd = writeTree({ [file]: hello })
    const ran = await startsOf(bin, ['--require', register, join(cwd, file), ...args], {}, cwd)
    expect(ran).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts })
  })

  it.each([
    ['dd-trace', 'node_modules/dd-trace/init.js', 'Datadog'],
    ['newrelic', 'node_modules/newrelic/index.js', 'New Relic'],
    ['elastic-apm-node', 'node_modules/elastic-apm-node/start.js', 'Elastic APM'],
    [
      'auto-instrumentations-node',
      'node_modules/@opentelemetry/auto-instrumentations-node/register.js',
      'OpenTelemetry auto-instrumentations',
    ],
    [
      'auto-instrumentations-node by the path of its file',
      'node_modules/@opentelemetry/auto-instrumentations-node/build/src/register.js',
      'OpenTelemetry auto-instrumentations',
    ],
  ])('steps aside, and says so, for %s', async (_name, file, title) => {
    const cwd = writeTree({ [file]: '', 'app.cjs': hello })
    const agent = join(cwd, file)
    for (const [args, env] of [
      [['--require', register, '--require', agent], {}],
      [['--require', register], { NODE_OPTIONS: `--require ${agent}` }],
    ] as [string[], Record<string, string>][]) {
      const ran = await startsOf(bin, [...args, 'app.cjs'], env, cwd)
      expect(ran).toMatchObject({ code: 0, stdout: 'hello', starts: 0 })
      expect(ran.stderr).toMatch(new RegExp(`^\\[otel\\] ORG_OTEL_SKIPPED not started: ${title} .*\\n$`))
    }
  })

  it('is not confused by an application that has the name of an agent in its path', async () => {
    const cwd = writeTree({ 'my-dd-trace-demo/app.cjs': hello })
    const ran = await startsOf(bin, ['--require', register, 'my-dd-trace-demo/app.cjs'], {}, cwd)
    expect(ran).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts: 1 })
  })

  it('steps aside for an OpenTelemetry SDK that is registered already', async () => {
    const cwd = writeTree({
      'sdk.cjs': 'globalThis[Symbol.for("opentelemetry.js.api.1")] = { version: "1.10.0", trace: {} }',
      'app.cjs': hello,
    })
    const ran = await startsOf(bin, ['--require', './sdk.cjs', '--require', register, 'app.cjs'], {}, cwd)
    expect(ran).toMatchObject({ code: 0, stdout: 'hello', starts: 0 })
    expect(ran.stderr).toMatch(/an OpenTelemetry SDK is already registered/)
  })

  it('starts beside an API of which only the diagnostics are registered', async () => {
    const cwd = writeTree({
      'diag.cjs': 'globalThis[Symbol.for("opentelemetry.js.api.1")] = { version: "1.10.0", diag: {} }',
      'app.cjs': hello,
    })
    const ran = await startsOf(bin, ['--require', './diag.cjs', '--require', register, 'app.cjs'], {}, cwd)
    expect(ran).toMatchObject({ stdout: 'hello', stderr: '', starts: 1 })
  })

  it('keeps quiet when it was started already', async () => {
    const cwd = writeTree({ 'mark.cjs': 'globalThis[Symbol.for("org.otel")] = {}', 'app.cjs': hello })
    const ran = await startsOf(bin, ['--require', './mark.cjs', '--require', register, 'app.cjs'], {}, cwd)
    expect(ran).toMatchObject({ code: 0, stdout: 'hello', stderr: '', starts: 0 })
  })

  it.each([
    ['is missing', undefined],
    ['does not parse', 'this is no JavaScript'],
    ['throws', 'exports.startFromRegister = () => { throw new Error("no luck") }'],
    ['throws something odd', 'exports.startFromRegister = () => { throw null }'],
  ])('lets the application run when the core %s', async (_what, core) => {
    const folder = makeFolder()
    cpSync(register, join(folder, 'register.cjs'))
    if (core !== undefined) writeFileSync(join(folder, 'core.cjs'), core)
    const cwd = writeTree({ 'app.cjs': hello })
    const ran = await run(bin, ['--require', join(folder, 'register.cjs'), 'app.cjs'], { cwd })
    expect(ran).toMatchObject({ code: 0, stdout: 'hello' })
    expect(ran.stderr).toMatch(
      /^\[otel\] ORG_OTEL_START_FAILED [^\n]+; the application runs without telemetry\n$/,
    )
  })

  it('says one line on a runtime that only looks like Node', async () => {
    const cwd = writeTree({
      'bun.cjs':
        'Object.defineProperty(process, "versions", { value: { ...process.versions, bun: "2.0.0" } })',
      'app.cjs': hello,
    })
    const ran = await startsOf(bin, ['--require', './bun.cjs', '--require', register, 'app.cjs'], {}, cwd)
    expect(ran).toMatchObject({ code: 0, stdout: 'hello', starts: 0 })
    expect(ran.stderr).toMatch(/^\[otel\] ORG_OTEL_SKIPPED not started: Bun is not supported.*\n$/)
  })

  it('adds no module to a process it stays out of', async () => {
    const cwd = writeTree({ 'app.cjs': 'process.stdout.write(JSON.stringify(Object.keys(require.cache)))' })
    const ran = await run(bin, ['--require', register, 'app.cjs'], {
      cwd,
      env: { OTEL_SDK_DISABLED: 'true' },
    })
    expect(JSON.parse(ran.stdout).map((file: string) => file.replace(dirname(register), ''))).toEqual([
      '/register.cjs',
      join(cwd, 'app.cjs'),
    ])
  })
})
