// The promise: what the tests say is true on every machine, so the tree names no folder that only one machine has.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(__dirname, '..')
// Folders that exist because somebody made them. `/opt/otel` and `/opt/kafka` are places inside the images we build.
const own = /(?<![\w.@-])\/(?:root|work|home\/\w+|Users\/\w+|opt(?!\/(?:otel|kafka)\b))\/[\w.-]+/

const files = globSync(
  [
    '{packages,examples,test,scripts,docs}/**/*.{ts,cts,mts,js,cjs,mjs,json,md,yaml,yml,sh}',
    '*.{json,md,mjs,yaml}',
    '.ci/*',
  ],
  {
    cwd: root,
    exclude: path => /(^|\/)(node_modules|dist|artifacts|\.cache|\.turbo)(\/|$)/.test(path),
  },
)

test('no file names a folder of one machine', () => {
  expect(files.length).toBeGreaterThan(500)
  const named = files.flatMap(file =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) => (own.test(line) ? [`${file}:${index + 1} ${own.exec(line)![0]}`] : [])),
  )
  expect(named).toEqual([])
})
