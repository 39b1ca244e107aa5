import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { settings } from '../config/settings.ts'
import { codes } from './codes.ts'
import { renderErrorsPage } from './docs.ts'

const root = join(__dirname, '../../../..')
const page = join(root, 'docs/errors.md')

test('docs/errors.md is what the table of codes says', () => {
  const text = renderErrorsPage()
  if (process.env.UPDATE_DOCS) writeFileSync(page, text)
  expect(readFileSync(page, 'utf8')).toBe(text)
})

test('no code is listed twice', () => {
  const names = codes.map(row => row.code)
  expect(new Set(names).size).toBe(names.length)
})

describe('the codes in the sources', () => {
  const used = findCodes()

  test('are all explained in the table', () => {
    const known = new Set<string>(codes.map(row => row.code))
    expect([...used].filter(code => !known.has(code))).toEqual([])
  })

  test('include every code of the table: none is explained and never said', () => {
    expect(codes.map(row => row.code).filter(code => !used.has(code))).toEqual([])
  })
})

/** Codes and ORG_OTEL_* settings look alike in a source: what is a setting is known from its table. */
function findCodes(): Set<string> {
  const settingNames = new Set<string>(settings.flatMap(row => [...row.env]))
  const used = new Set<string>()
  for (const file of listSources(join(root, 'packages'))) {
    if (file.endsWith('self/codes.ts') || /src\/config\/(settings|docs)\.ts$/.test(file)) continue
    for (const match of readFileSync(file, 'utf8').matchAll(/['"`](ORG_OTEL_[A-Z]+(?:_[A-Z]+)*)['"`]/g)) {
      if (!settingNames.has(match[1]!)) used.add(match[1]!)
    }
  }
  return used
}

function listSources(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) {
      return /^(node_modules|dist|test|generated|\.cache)$/.test(entry.name) ? [] : listSources(path)
    }
    return /\.c?ts$/.test(entry.name) && !/\.(test|d)\.c?ts$/.test(entry.name) ? [path] : []
  })
}
