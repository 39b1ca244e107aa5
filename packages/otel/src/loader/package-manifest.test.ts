import { mainFiles, readManifest } from './package-manifest.ts'

const all = () => true
const only =
  (...files: string[]) =>
  (file: string) =>
    files.includes(file)

describe('the main files of a package', () => {
  it.each([
    ['main with extension', { main: './lib/index.js' }, all, ['lib/index.js']],
    ['main without extension', { main: 'lib/client' }, only('lib/client.js'), ['lib/client.js']],
    ['main as a folder', { main: './lib' }, only('lib/index.js'), ['lib/index.js']],
    ['a file beside a folder of the same name', { main: 'lib' }, only('lib.js', 'lib/index.js'), ['lib.js']],
    ['no main', {}, only('index.js'), ['index.js']],
    ['main as a dot', { main: '.' }, only('index.js'), ['index.js']],
    ['a main that does not exist', { main: 'gone.js' }, only('index.js'), ['index.js']],
    ['exports as text', { main: 'old.js', exports: './new.js' }, all, ['new.js']],
    ['exports by condition', { exports: { import: './a.mjs', require: './a.cjs' } }, all, ['a.cjs', 'a.mjs']],
    [
      'exports by path and nested condition',
      {
        exports: {
          '.': { node: { import: './b.mjs', require: './b.js' }, default: './browser.js' },
          './x': './x.js',
        },
      },
      all,
      ['b.js', 'b.mjs'],
    ],
    [
      'module-sync, which Node knows or does not',
      { exports: { '.': { 'module-sync': './m.mjs', default: './m.cjs' } } },
      all,
      ['m.cjs', 'm.mjs'],
    ],
    ['alternatives', { exports: { '.': [null, { require: './c.js' }, './d.js'] } }, all, ['c.js', 'd.js']],
    ['only sub-paths', { main: 'm.js', exports: { './x': './x.js' } }, all, ['m.js']],
  ])('%s', (_case, manifest, exists, expected) => {
    expect([...mainFiles(manifest, exists)].sort()).toEqual(expected)
  })

  it('are none, and the version unknown, when package.json cannot be read', () => {
    expect(readManifest('/nowhere')).toEqual({ version: '0.0.0', mains: new Set() })
  })
})
