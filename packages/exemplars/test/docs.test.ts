// Examples that are not compiled are promises nobody keeps: those of the docs page, the README and the doc comments.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const home = join(__dirname, '..')
const root = join(home, '../..')
const pages = [
  join(root, 'docs/exemplars.md'),
  join(home, 'README.md'),
  ...['instrument.ts', 'trace-exemplars.ts', 'sdk-metrics.ts', 'hooks.ts'].map(file =>
    join(home, 'src', file),
  ),
]
// What an example may take as given.
const given = `import { exemplarHooks } from '@org/otel-exemplars/hooks'
import { patchSdkMetrics } from '@org/otel-exemplars/sdk-metrics'
declare const order: object
declare function pay(order: object): Promise<string>
void [exemplarHooks, patchSdkMetrics, order, pay]
`

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
    expect(examples.length).toBeGreaterThanOrEqual(7)
    for (const [i, code] of examples.entries()) {
      const usesGiven = !/exemplarHooks \}|patchSdkMetrics \}/.test(code)
      writeFileSync(join(folder, `example-${i}.ts`), `${usesGiven ? given : ''}${code}\nexport {}\n`)
    }
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
