import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Launch, mayImport } from './esm-need.ts'

const packages = ['@nestjs/core', 'graphql']
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'org-otel-need-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function put(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
}

function ask(entry: string | undefined, more: Partial<Launch> = {}): boolean {
  return mayImport(packages, {
    entry: entry === undefined ? undefined : join(folder, entry),
    execArgv: [],
    nodeOptions: undefined,
    cwd: () => folder,
    ...more,
  })
}

const commonJs = 'require("express"); // import x from "y"'

describe('whether a process can import an ES module of the table', () => {
  it.each<[string, Record<string, string>, string, boolean]>([
    ['a .cjs file', { 'app.cjs': commonJs }, 'app.cjs', false],
    ['an .mjs file', { 'app.mjs': '' }, 'app.mjs', true],
    ['a .ts file', { 'app.ts': '' }, 'app.ts', true],
    ['a .js file without a manifest', { 'app.js': commonJs }, 'app.js', false],
    ['a .js file that Node will find to be a module', { 'app.js': '\nimport x from "y"' }, 'app.js', true],
    [
      'a .js file of type commonjs',
      { 'package.json': '{"type":"commonjs"}', 'src/app.js': 'export' },
      'src/app.js',
      false,
    ],
    [
      'a .js file of type module',
      { 'package.json': '{"type":"module"}', 'src/app.js': commonJs },
      'src/app.js',
      true,
    ],
    ['a broken manifest', { 'package.json': '{', 'app.js': commonJs }, 'app.js', true],
    ['an entry without its extension', { 'server.js': commonJs }, 'server', false],
    ['a folder', { 'server/index.js': commonJs }, 'server', false],
    ['an entry that does not exist', {}, 'gone.js', true],
    ['graphql installed', { 'app.cjs': '', 'node_modules/graphql/package.json': '{}' }, 'app.cjs', true],
    [
      'Nest installed above',
      { 'a/b/app.cjs': '', 'node_modules/@nestjs/core/index.js': '' },
      'a/b/app.cjs',
      true,
    ],
    [
      'graphql somewhere in the store of pnpm',
      { 'app.cjs': '', 'node_modules/.pnpm/node_modules/graphql/package.json': '{}' },
      'app.cjs',
      true,
    ],
    ['other packages installed', { 'app.cjs': '', 'node_modules/express/index.js': '' }, 'app.cjs', false],
    ["Yarn's Plug'n'Play", { 'app.cjs': '', '.pnp.cjs': '' }, 'app.cjs', true],
  ])('%s', (_case, files, entry, expected) => {
    put(files)
    expect(ask(entry)).toBe(expected)
  })

  it('follows a command to its file', () => {
    put({ 'pkg/package.json': '{"type":"module"}', 'pkg/cli.js': '' })
    symlinkSync(join(folder, 'pkg/cli.js'), join(folder, 'service'))
    expect(ask('service')).toBe(true)
  })

  it('looks where the process runs as well as where its entry lies', () => {
    put({ 'bin/launch.cjs': '', 'srv/node_modules/graphql/package.json': '{}' })
    expect(ask('bin/launch.cjs')).toBe(false)
    expect(ask('bin/launch.cjs', { cwd: () => join(folder, 'srv') })).toBe(true)
  })

  it.each(['--import x', '--loader=x', '--experimental-loader x', '-e 0', '-p 0', '-pe 0', '--eval 0'])(
    'says yes with %s',
    flags => {
      put({ 'app.cjs': '' })
      expect(ask('app.cjs', { execArgv: flags.split(' ') })).toBe(true)
      expect(ask('app.cjs', { nodeOptions: flags })).toBe(true)
    },
  )

  it('is not misled by other flags', () => {
    put({ 'app.cjs': '' })
    expect(
      ask('app.cjs', { execArgv: ['--require', '/x/loader-y/register.cjs', '--enable-source-maps'] }),
    ).toBe(false)
  })

  it('says yes without an entry', () => {
    expect(ask(undefined)).toBe(true)
  })
})
