import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { generated } from './generated.ts'

const home = join(__dirname, '..')

test.each(generated())('$file is what the sources say (else: node src/generate.ts)', ({ file, text }) => {
  expect(readFileSync(join(home, file), 'utf8')).toBe(text)
})

test('no dashboard is left from a description that is gone', () => {
  const described = generated().flatMap(({ file }) => (dirname(file) === 'grafana' ? [basename(file)] : []))
  expect(readdirSync(join(home, 'grafana')).sort()).toEqual(described.sort())
})
