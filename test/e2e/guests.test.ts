// The promise: we are guests. What an application can see of its libraries, of Node and of its own output is the same with
// and without us.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { node, run, writeTree } from './loader-process.ts'

jest.setTimeout(120_000)
const root = join(__dirname, '../..')
const register = join(root, 'packages/otel/dist/register.cjs')
const programs = join(__dirname, '../apps/guests')
const majors = [20, 22, 24, 26]

/** Nobody answers there, so that nothing of the run depends on a collector. */
const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', ORG_OTEL_EXIT_LAST_WORDS: '50ms' }

const ours = /^\[otel\] .*\n/gm

interface Look {
  code: number | null
  stdout: string
  /** Without our lines. */
  stderr: string
}

async function look(
  bin: string,
  args: string[],
  more: Record<string, string> = {},
): Promise<Look & { said: string[] }> {
  const { code, stdout, stderr } = await run(bin, args, { cwd: programs, env: { ...env, ...more } })
  // Process ids and the frames of a stack are not the application's.
  const rest = stderr.replace(ours, '').replace(/\(node:\d+\)|\n +at .*/g, '')
  return { code, stdout: stdout.replace(/\n +at .*/g, ''), stderr: rest, said: stderr.match(ours) ?? [] }
}

async function expectSame(bin: string, file: string, more: Record<string, string>): Promise<Look> {
  const plain = await look(bin, [file], more)
  const { said, ...with_ } = await look(bin, ['--require', register, file], more)
  expect(with_).toEqual({ code: plain.code, stdout: plain.stdout, stderr: plain.stderr })
  expect(said.filter(line => line.includes('ORG_OTEL_INTERNAL'))).toEqual([])
  return plain
}

describe('what an application sees is what it sees without us', () => {
  const behaviours: string[] = require('../apps/guests/behaviour.cjs')
  const rows = majors.flatMap(major => behaviours.map(name => ({ name, major })))

  it.each(rows)('$name, Node $major', async ({ name, major }) => {
    const plain = await expectSame(node(major), 'behaviour.cjs', { BEHAVIOUR: name })
    expect(plain.stdout).not.toBe('')
    expect(plain.stdout).not.toMatch(/^failed /m)
  })
})

describe('wrong use throws the own error of', () => {
  const libraries: string[] = require('../apps/guests/wrong-use.cjs')

  it.each(libraries)('%s', async name => {
    const plain = await expectSame(node(24), 'wrong-use.cjs', { WRONG_USE: name })
    expect(plain.stdout).toMatch(/Error|undefined/)
  })
})

describe('every file of CommonJS that we publish is strict', () => {
  const files = globSync('packages/*/dist/**/*.cjs', { cwd: root })

  it('of all packages', () => {
    expect(new Set(files.map(file => file.split('/')[1]))).toEqual(
      new Set(['devtools', 'exemplars', 'kafka', 'logging', 'otel']),
    )
  })

  it.each(files)('%s', file => {
    expect(readFileSync(join(root, file), 'utf8').replace(/^#!.*\n/, '')).toMatch(/^["']use strict["'];/)
  })
})

describe('nothing of ours is said', () => {
  const test = (name: string): string => `require('node:test')(${JSON.stringify(name)}, () => {})`
  const hello = 'process.stdout.write("hello")'
  const fork = (file: string): string =>
    `require('node:child_process').fork(require.resolve(${JSON.stringify(file)})).on('exit', code => process.exit(code))`

  const quiet: [string, Record<string, string>, string[], Record<string, string>?][] = [
    ['code on the command line', {}, ['-e', hello]],
    ['code on the command line that is printed', {}, ['-p', '1']],
    ['an ES module on the command line', {}, ['--input-type=module', '-e', hello]],
    ['a check of the syntax', { 'app.cjs': hello }, ['--check', 'app.cjs']],
    [
      'node --test',
      { 'a.test.cjs': test('a'), 'b.test.cjs': test('b') },
      ['--test', 'a.test.cjs', 'b.test.cjs'],
    ],
    [
      'a program of a test of node --test',
      { 'app.cjs': hello },
      ['app.cjs'],
      { NODE_TEST_CONTEXT: 'child-v8' },
    ],
    ['a coverage run', { 'app.cjs': hello }, ['app.cjs'], { NODE_V8_COVERAGE: 'coverage' }],
    ['c8', { 'node_modules/c8/bin/c8.js': hello }, ['node_modules/c8/bin/c8.js']],
    [
      'ava',
      { 'node_modules/ava/entrypoints/cli.mjs': 'process.stdout.write("hello")' },
      ['node_modules/ava/entrypoints/cli.mjs'],
    ],
    [
      'cucumber',
      { 'node_modules/@cucumber/cucumber/bin/cucumber.js': hello },
      ['node_modules/@cucumber/cucumber/bin/cucumber.js'],
    ],
    [
      'a worker of jest',
      {
        'node_modules/jest-worker/build/workers/processChild.js': hello,
        'node_modules/jest/bin/jest.js': fork('../../jest-worker/build/workers/processChild.js'),
      },
      ['node_modules/jest/bin/jest.js'],
    ],
    [
      'a worker of vitest',
      {
        'node_modules/vitest/dist/workers/forks.js': hello,
        'node_modules/vitest/vitest.mjs': `import { fork } from 'node:child_process'; fork(new URL('./dist/workers/forks.js', import.meta.url).pathname)`,
      },
      ['node_modules/vitest/vitest.mjs'],
    ],
    [
      'next dev and its server',
      {
        'node_modules/next/dist/server/lib/start-server.js': hello,
        'node_modules/next/dist/bin/next': fork('../server/lib/start-server.js'),
      },
      ['node_modules/next/dist/bin/next', 'dev'],
    ],
    [
      'what the command tsx runs',
      { 'node_modules/tsx/dist/preflight.cjs': '', 'app.cjs': hello },
      ['--require', './node_modules/tsx/dist/preflight.cjs', 'app.cjs'],
    ],
  ]

  // A rest: jest takes a parameter that a row has no value for for its `done`.
  it.each(quiet)('in %s', async (...[, files, args, more]) => {
    const cwd = writeTree(files)
    const started = { ...env, NODE_OPTIONS: `--require ${register}`, ...more }
    const ran = await run(node(24), args, { cwd, env: started })
    const plain = await run(node(24), args, { cwd, env: { ...env, ...more } })
    expect(ran.stderr).toBe(plain.stderr)
    expect(ran.code).toBe(plain.code)
    expect(`${ran.stdout}${ran.stderr}`).not.toContain('[otel]')
  })

  it('but in a service, also one that a test runner or pm2 starts, and where a level asks for it', async () => {
    const cwd = writeTree({
      'app.cjs': hello,
      'node_modules/pm2/lib/ProcessContainerFork.js': hello,
      'start.cjs': fork('./node_modules/pm2/lib/ProcessContainerFork.js'),
      'node_modules/tsx/dist/preflight.cjs': '',
    })
    const rows: [string[], Record<string, string>, number][] = [
      [['app.cjs'], {}, 1],
      [['app.cjs'], { JEST_WORKER_ID: '1', VITEST: 'true' }, 1],
      [['start.cjs'], {}, 2],
      [['--require', './node_modules/tsx/dist/preflight.cjs', 'app.cjs'], { NODE_ENV: 'production' }, 1],
      [['-e', hello], { OTEL_LOG_LEVEL: 'info' }, 1],
    ]
    for (const [args, more, lines] of rows) {
      const ran = await run(node(24), args, {
        cwd,
        env: { ...env, NODE_OPTIONS: `--require ${register}`, ...more },
      })
      expect([args, ran.stderr.match(/instrumenting/g)?.length]).toEqual([args, lines])
    }
  })

  it('at debug level the reason is said', async () => {
    const ran = await run(node(24), ['--require', register, '-e', hello], {
      env: { ...env, OTEL_LOG_LEVEL: 'debug' },
    })
    expect(ran.stderr).toContain('[otel] ORG_OTEL_QUIET code on the command line: ')
  })
})

describe('releases of Node around those we support', () => {
  const app =
    'require("node:http").createServer().listen(0, "127.0.0.1", function () { this.close(); process.stdout.write("hello") })'

  it.each(['18.19.0', '18.20.8', '20.0.0', '20.5.1'])(
    '%s starts, with one line that says what it is',
    async version => {
      const cwd = writeTree({ 'app.cjs': app })
      const ran = await run(node(version), ['--require', register, 'app.cjs'], { cwd, env })
      expect(ran).toMatchObject({ code: 0, stdout: 'hello' })
      expect(ran.stderr.match(/ORG_OTEL_NODE_OLD .*\n/g)).toEqual([
        `ORG_OTEL_NODE_OLD Node ${version} is older than the 20.6 we support; we start, and not everything may be instrumented\n`,
      ])
      expect(ran.stderr).toContain('instrumenting http')
      expect(ran.stderr).not.toMatch(/INTERNAL|START_FAILED/)
    },
  )

  it.each(['14.21.3', '16.20.2'])('%s runs the application untouched, with one line', async version => {
    const cwd = writeTree({ 'app.cjs': app })
    const ran = await run(node(version), ['--require', register, 'app.cjs'], { cwd, env })
    expect(ran).toMatchObject({ code: 0, stdout: 'hello' })
    expect(ran.stderr).toBe(
      `[otel] ORG_OTEL_SKIPPED not started: Node ${version} is not supported (20.6 or newer is); the application runs without it\n`,
    )
  })

  it.each(['21.7.3', '25.2.1'])('%s starts without a word about it', async version => {
    const cwd = writeTree({ 'app.cjs': app })
    const ran = await run(node(version), ['--require', register, 'app.cjs'], { cwd, env })
    expect(ran).toMatchObject({ code: 0, stdout: 'hello' })
    expect(ran.stderr).toContain('instrumenting http')
    expect(ran.stderr).not.toMatch(/NODE_OLD|SKIPPED|INTERNAL|START_FAILED/)
  })

  it('tools say nothing on a Node that is too old', async () => {
    const cwd = writeTree({ 'node_modules/npm/bin/npm-cli.js': 'process.stdout.write("hello")' })
    const ran = await run(node('16.20.2'), ['--require', register, 'node_modules/npm/bin/npm-cli.js'], {
      cwd,
      env,
    })
    expect(ran).toMatchObject({ code: 0, stdout: 'hello', stderr: '' })
  })
})

describe('under the permission model', () => {
  const rows = majors.map(major => ({
    major,
    flag: major === 20 ? '--experimental-permission' : '--permission',
    net: major >= 25 ? ['--allow-net'] : [],
  }))
  const app =
    'require("node:http").createServer().listen(0, "127.0.0.1", function () { this.close(); process.stdout.write("hello") })'
  const dist = `${join(root, 'packages/otel/dist')}/`

  // Node 20 reads no file of a preload that is not allowed, and ends itself before we are there.
  it.each(rows.filter(({ major }) => major > 20))(
    'we do not start where we may not read our files, Node $major',
    async ({ major, flag, net }) => {
      const cwd = writeTree({ 'app.cjs': app })
      const args = [flag, ...net, `--allow-fs-read=${cwd}/`, '--require', register, 'app.cjs']
      const ran = await run(node(major), args, { cwd, env })
      expect(ran).toMatchObject({ code: 0, stdout: 'hello' })
      expect(ran.stderr.match(ours)).toEqual([
        `[otel] ORG_OTEL_SKIPPED not started: Node's permission model forbids reading our files; add --allow-fs-read=${dist}; the application runs without it\n`,
      ])
    },
  )

  it.each(rows)(
    'with the right to read we start, and say once what else is forbidden, Node $major',
    async ({ major, flag, net }) => {
      const cwd = writeTree({
        'app.mjs': `import http from 'node:http'; http.createServer().listen(0, "127.0.0.1", function () { this.close(); process.stdout.write("hello") })`,
      })
      const args = [
        flag,
        ...net,
        `--allow-fs-read=${cwd}/`,
        `--allow-fs-read=${dist}`,
        '--require',
        register,
        'app.mjs',
      ]
      const ran = await run(node(major), args, { cwd, env })
      expect(ran).toMatchObject({ code: 0, stdout: 'hello' })
      const said = ran.stderr.match(/ORG_OTEL_PERMISSION .*/g)?.join('\n') ?? ''
      expect(said).toContain('--allow-child-process')
      expect(said.includes('--allow-worker')).toBe(major === 20)
      expect(ran.stderr).toContain('instrumenting http')
      expect(ran.stderr).not.toMatch(/INTERNAL|START_FAILED/)
    },
  )

  it('without the network nothing can be sent, and one line says what allows it', async () => {
    const cwd = writeTree({ 'app.cjs': 'setTimeout(() => process.stdout.write("hello"), 100)' })
    const ran = await run(
      node(26),
      ['--permission', '--allow-fs-read=*', '--allow-child-process', '--require', register, 'app.cjs'],
      { cwd, env },
    )
    expect(ran).toMatchObject({ code: 0, stdout: 'hello' })
    expect(ran.stderr.match(/ORG_OTEL_PERMISSION .*/g)).toEqual([expect.stringContaining('--allow-net')])
    expect(ran.stderr).not.toMatch(/INTERNAL|START_FAILED/)
  })
})
