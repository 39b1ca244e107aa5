// Examples that are not compiled are promises nobody keeps: those of the docs page, the README and the doc comments.
// The ones that show how to start with a client are run as well: here where the client is JavaScript, against a real
// broker in test/real.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultSettings } from '../src/options.ts'
import { startBroker } from './support/broker.ts'
import { removeBundles } from './support/process.ts'
import { runQuickStart } from './support/quick-start.ts'

const home = join(__dirname, '..')
const root = join(home, '../..')
const page = join(root, 'docs/kafka.md')
const sources = readdirSync(join(home, 'src')).filter(
  file => file.endsWith('.ts') && !file.endsWith('.test.ts'),
)
const pages = [page, join(home, 'README.md'), ...sources.map(file => join(home, 'src', file))]

function examplesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/^( \* )?```ts\n([\s\S]*?)^(?: \* )?```/gm)].map(([, comment, code]) =>
    comment === undefined ? code! : code!.replace(/^ \* ?/gm, ''),
  )
}

test('every example compiles', () => {
  const folder = join(home, '.cache', `docs-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  try {
    const examples = pages.flatMap(examplesOf)
    expect(examples.length).toBeGreaterThanOrEqual(20)
    for (const [i, code] of examples.entries())
      writeFileSync(join(folder, `example-${i}.mts`), `${code}\nexport {}\n`)
    const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false, types: ['node'] }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../../../tsconfig.base.json', compilerOptions, include: ['.'] }),
    )
    const tsc = spawnSync('tsc', ['-p', folder], {
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
        NODE_OPTIONS: '',
      },
    })
    expect(tsc.stdout).toBe('')
    expect(tsc.status).toBe(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)

afterAll(removeBundles)

test.each(['kafkajs', '@platformatic/kafka'])(
  'the quick start of %s works as it is shown',
  async client => {
    const broker = await startBroker()
    const folder = join(home, '.cache', `quick-start-${process.pid}`)
    mkdirSync(folder, { recursive: true })
    try {
      await runQuickStart(client, broker.address, folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
      await broker.stop()
    }
  },
  60_000,
)

test('every public function has an example', () => {
  const index = readFileSync(join(home, 'src/index.ts'), 'utf8')
  const names = [...index.matchAll(/export \{([^}]*)\}/g)]
    .flatMap(([, list]) => list!.split(','))
    .map(name => name.trim())
    .filter(name => name !== '' && !name.startsWith('type '))
  expect(names).toHaveLength(14)
  const text = sources.map(file => readFileSync(join(home, 'src', file), 'utf8')).join('\n')
  const documented = (name: string) =>
    new RegExp(`@example\\n(?:(?!\\*/)[\\s\\S])*\\*/\\nexport (?:async )?function ${name}\\b`).test(text)
  expect(names.filter(name => !documented(name))).toEqual([])
})

test('the table of options has every option with its default', () => {
  const table = /<!-- options -->([\s\S]*?)<!-- \/options -->/.exec(readFileSync(page, 'utf8'))![1]!
  const rows = [...table.matchAll(/^\| `(\w+)` \| (?:`(.*?)`)? ?\|/gm)].map(([, name, value]) => [
    name,
    value,
  ])
  const show = (value: unknown) =>
    value === undefined ? undefined : typeof value === 'string' ? `'${value}'` : JSON.stringify(value)
  expect(rows).toEqual(Object.entries(defaultSettings).map(([name, value]) => [name, show(value)]))
})
