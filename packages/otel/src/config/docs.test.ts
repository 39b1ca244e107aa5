import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exampleFile, renderConfigurationPage } from './docs.ts'
import { parseConfigFile } from './file.ts'
import type { Setting } from './setting.ts'
import { settings } from './settings.ts'

const page = join(__dirname, '../../../../docs/configuration.md')

test('docs/configuration.md is what the table of settings says', () => {
  const text = renderConfigurationPage()
  if (process.env.UPDATE_DOCS) writeFileSync(page, text)
  expect(readFileSync(page, 'utf8')).toBe(text)
})

test('every setting is on the page under its own name', () => {
  const text = renderConfigurationPage()
  for (const row of settings as readonly Setting[])
    for (const name of row.env) expect(text).toContain(`\`${name}\``)
})

test('the file on the page is read without a single problem', () => {
  const { file, problems } = parseConfigFile(exampleFile, {}, 'otel.yaml')
  expect(problems).toEqual([])
  expect(file?.extras.options).toEqual({ pg: { enhancedDatabaseReporting: true }, fs: { enabled: false } })
})

describe('the table', () => {
  const rows: readonly Setting[] = settings

  test('gives every key and every variable to one row only', () => {
    const keys = rows.map(row => row.key)
    const names = rows.flatMap(row => row.env)
    expect(new Set(keys).size).toBe(keys.length)
    expect(new Set(names).size).toBe(names.length)
  })

  test('explains every row in a sentence', () => {
    for (const row of rows) expect(row.says).toMatch(/^[A-Z`].*\.\)?$/)
  })

  test('keeps every row that can hold credentials secret', () => {
    const keysOf = (secret: true | 'endpoint') =>
      rows.filter(row => row.secret === secret).map(row => row.key)
    expect(keysOf(true)).toEqual(
      rows.filter(row => /headers$/.test(row.key) && row.group === 'Sending').map(row => row.key),
    )
    expect(keysOf(true)).toHaveLength(4)
    expect(keysOf('endpoint')).toEqual(rows.filter(row => /endpoint$/i.test(row.key)).map(row => row.key))
    expect(keysOf('endpoint')).toHaveLength(5)
  })
})
