// The ledger of what we touch without a promise: node.cjs and libraries.cjs say what, where, and what is lost without it.
// A new Node or a new release of a library that changes one of these fails here, with a sentence, instead of in silence.
import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { majors, nodePath } from '../../../../scripts/nodes.mjs'

const run = promisify(execFile)
const root = join(__dirname, '../../../..')
interface Row {
  readonly names: readonly string[]
  readonly where: string
}
const tables = ['node.cjs', 'libraries.cjs']
const rows: Row[] = tables.flatMap(table => require(`./${table}`).rows as Row[])

describe.each(majors)('Node %i', major => {
  test.each(tables)(
    'has everything that %s lists',
    async table => {
      const { NODE_OPTIONS: _, ...env } = process.env
      const { stdout } = await run(nodePath(major), [join(__dirname, table)], { env, timeout: 60_000 })
      expect(JSON.parse(stdout)).toEqual([])
    },
    120_000,
  )
})

// Ours, or the form of a name and not a field.
const notFields = new Set(['_bucket', '_total', '_none', '_other', '_unnamed', '_uncompressed'])
const environment = /process\.env\._\w+/g

test('every field with an underscore in our sources has a row', () => {
  const listed = new Set(rows.flatMap(({ names }) => names))
  const missing: string[] = []
  const seen = new Set<string>()
  for (const file of globSync('packages/{otel,kafka,exemplars,logging}/src/**/*.{ts,cts}', { cwd: root })) {
    if (file.endsWith('.test.ts')) continue
    const text = readFileSync(join(root, file), 'utf8').replaceAll(environment, '')
    for (const [, field, quoted] of text.matchAll(/\.(_[a-zA-Z]\w*)|'(_[a-z]\w*)'/g)) {
      const name = (field ?? quoted)!
      if (notFields.has(name) || name.startsWith('_orgOtel')) continue
      seen.add(name)
      if (!listed.has(name)) missing.push(`${file}: ${name}`)
    }
  }
  expect(missing).toEqual([])
  expect(seen.size).toBeGreaterThan(20)
})

test('every row says where it is used, and is', () => {
  const wrong: string[] = []
  for (const { names, where } of rows) {
    const [first, ...others] = where.split(', ')
    const folder = first!.slice(0, first!.lastIndexOf('/'))
    const source = folder.slice(0, folder.indexOf('/src') + 4)
    const files = [
      first!,
      ...others.map(file => [join(folder, file), join(source, file)].find(f => existsSync(join(root, f)))),
    ]
    const texts = files.map(file => (file === undefined ? '' : readFileSync(join(root, file), 'utf8')))
    for (const name of names)
      if (!texts.some(text => text.includes(name))) wrong.push(`${name} is not in ${where}`)
  }
  expect(wrong).toEqual([])
})
