// One jest block per row and Node: the program runs once, each way of calling is a test.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodePath, nodeVersions } from '../../../scripts/nodes.mjs'
import { type Found, keepBusy } from './check.ts'
import type { Row } from './row.ts'

const packages = join(__dirname, '../../node_modules')

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')).version
}

export function describeRow(row: Row, env: () => Record<string, string> = () => ({})): void {
  for (const major of row.nodes ?? [undefined]) {
    const node = major === undefined ? process.execPath : nodePath(major)
    const at = major === undefined ? '' : ` on Node ${nodeVersions[major as 20]}`
    const library = row.package === 'node' ? 'node' : `${row.package} ${versionOf(row.package)}`
    describe(`${library}${at} (${row.program}, ${row.server})`, () => {
      let found: Found
      beforeAll(async () => {
        found = await keepBusy(row, node, env())
      }, 300_000)

      test.each(Object.keys(row.ways))('%s: every request keeps its own trace', way => {
        expect(found.problems.get(way)).toEqual([])
      })
      test('nothing is outside, and the program ends as it should', () => {
        expect(found.outside).toEqual([])
        expect(found.looked).toBeGreaterThan(0)
      })
    })
  }
}
