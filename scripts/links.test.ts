// A page that names a file names one that exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const root = resolve(__dirname, '..')
const markdown = (folder: string) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter(file => file.endsWith('.md') && !file.includes('node_modules') && !file.includes('dist/'))
        .map(file => join(root, folder, file))
    : []
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'AGENTS.md'].map(file => join(root, file)),
  ...markdown('docs'),
  ...readdirSync(join(root, 'packages')).map(name => join(root, 'packages', name, 'README.md')),
  ...markdown('examples'),
].filter(page => existsSync(page))

test('every relative link in the pages leads to a file', () => {
  const broken: string[] = []
  for (const page of pages) {
    const text = readFileSync(page, 'utf8').replace(/```[\s\S]*?```/g, '')
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:|^#/.test(target)) continue
      if (!existsSync(resolve(dirname(page), target.split('#')[0] as string)))
        broken.push(`${relative(root, page)} -> ${target}`)
    }
  }
  expect(broken).toEqual([])
})

test('every npm command in the pages is a script of the root or of a package', () => {
  const manifests = ['.', ...readdirSync(join(root, 'packages')).map(name => join('packages', name))]
  const scripts = manifests.flatMap(folder =>
    Object.keys(JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')).scripts ?? {}),
  )
  const unknown: string[] = []
  for (const page of pages.filter(page => !page.includes('/packages/') && !page.includes('/examples/'))) {
    for (const [, name = ''] of readFileSync(page, 'utf8').matchAll(/npm run ([\w:-]+)/g)) {
      if (!scripts.includes(name)) unknown.push(`${relative(root, page)}: npm run ${name}`)
    }
  }
  expect(unknown).toEqual([])
})

test('a command that sets NODE_OPTIONS quotes it: a shell would run the second word', () => {
  const unquoted = pages.flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/NODE_OPTIONS=--\S+ [^\s`]+ .*/g)].map(
      ([command]) => `${relative(root, page)}: ${command}`,
    ),
  )
  expect(unquoted).toEqual([])
})
