import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generated } from './generated.ts'

const home = join(__dirname, '..')

test.each(generated())('$file is what the sources say (else: node src/generate.ts)', ({ file, text }) => {
  expect(readFileSync(join(home, file), 'utf8')).toBe(text)
})

test('nothing lies beside the generated files', () => {
  const there = ['grafana', 'prometheus'].flatMap(folder =>
    readdirSync(join(home, folder), { withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(folder, entry.name)),
  )
  expect(there.sort()).toEqual(
    generated()
      .map(({ file }) => file)
      .sort(),
  )
})
