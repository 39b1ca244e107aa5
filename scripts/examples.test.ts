// What a reader copies compiles: every TypeScript example of the pages and of the public docstrings, against our sources
// and the real types of the libraries, strict.
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(__dirname, '..')

/** Where the libraries of an example are installed. */
const homes = [
  { folder: 'packages/kafka', pages: ['docs/kafka.md', 'packages/kafka/{README.md,src/**/*.ts}'] },
  {
    folder: 'packages/exemplars',
    pages: ['docs/exemplars.md', 'packages/exemplars/{README.md,src/**/*.ts}'],
  },
  { folder: 'test', pages: ['README.md', 'docs/**/*.md', 'packages/*/{README.md,src/**/*.ts}'] },
]

interface Example {
  readonly from: string
  readonly line: number
  readonly code: string
}

/**
 * Fenced `ts` blocks of a page. In a source what follows `@example`, fenced or not, when it imports from one of
 * our packages: the others are for those who work on that file.
 */
function readExamples(page: string): Example[] {
  const text = readFileSync(join(root, page), 'utf8')
  const lineOf = (index: number) => text.slice(0, index).split('\n').length
  if (page.endsWith('.md'))
    return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(found => ({
      from: page,
      line: lineOf(found.index),
      code: found[1] as string,
    }))
  return [...text.matchAll(/@example\b[^\n]*\n([\s\S]*?)\*\//g)].flatMap(found => {
    const lines = (found[1] as string).split('\n').map(line => line.replace(/^\s*\* ?/, ''))
    const code = lines
      .join('\n')
      .replace(/^```ts$/m, '')
      .replace(/^```[\s\S]*/m, '')
    return /from '@org\//.test(code) ? { from: page, line: lineOf(found.index), code } : []
  })
}

test.each(homes)('the examples that are at home in $folder compile', ({ folder, pages }) => {
  const before = homes.slice(
    0,
    homes.findIndex(home => home.folder === folder),
  )
  const taken = new Set(before.flatMap(home => globSync(home.pages, { cwd: root })))
  const files = globSync(pages, { cwd: root }).filter(file => !taken.has(file) && !file.includes('.test.'))
  const examples = files.sort().flatMap(readExamples)
  expect(examples.length).toBeGreaterThan(2)

  const cache = join(root, folder, '.cache')
  mkdirSync(cache, { recursive: true })
  const project = mkdtempSync(join(cache, 'examples-'))
  try {
    // The name of the file says where its text is.
    for (const { from, line, code } of examples) {
      const name = `${from.replace(/[/\\]/g, '__')}__${line}.mts`
      writeFileSync(join(project, name), `${code}\nexport {}\n`)
    }
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.base.json'),
        compilerOptions: { noEmit: true, types: ['node'], noUnusedLocals: false, noUnusedParameters: false },
        include: ['*.mts'],
      }),
    )
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', project, '--pretty', 'false'], {
      encoding: 'utf8',
    })
    expect(stdout).toBe('')
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
})
