import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { instrumentationNames } from '../config/instrumentation-names.ts'
import { catalog } from './catalog.ts'
import { inRange } from './version-range.ts'

// The real classes, constructed but not enabled: what they say about themselves must fit the rows.
const upstreamRows = catalog.filter(row => row.source?.from.startsWith('@opentelemetry/'))

function definitionsOf(
  row: (typeof catalog)[number],
): { name: string; supportedVersions: string[]; files: any[] }[] {
  const { from, exported } = row.source!
  return new (require(from)[exported])({ enabled: false }).getModuleDefinitions()
}

describe('the catalog', () => {
  it('has every instrumentation of auto-instrumentations-node', () => {
    // Its exports are closed: the manifest is found from the main file.
    const main = require.resolve('@opentelemetry/auto-instrumentations-node')
    const manifest = JSON.parse(readFileSync(join(dirname(main), '../package.json'), 'utf8'))
    const prefix = '@opentelemetry/instrumentation-'
    const keys = Object.keys(manifest.dependencies)
      .filter(name => name.startsWith(prefix))
      .map(name => name.slice(prefix.length))
    expect(keys.length).toBeGreaterThan(40)
    expect(catalog.map(row => row.key)).toEqual(expect.arrayContaining(keys))
  })

  it('knows a row for every name the settings accept, but for those that are no library', () => {
    const keys = catalog.map(row => row.key)
    expect(instrumentationNames.filter(name => !keys.includes(name))).toEqual(['console'])
    expect(keys.filter(key => !instrumentationNames.includes(key))).toEqual([])
  })

  it('has each key and each triggering package once', () => {
    const keys = catalog.map(row => row.key)
    const packages = catalog.flatMap(row => row.packages)
    expect(new Set(keys).size).toBe(keys.length)
    expect(new Set(packages).size).toBe(packages.length)
  })

  it.each(upstreamRows.map(row => [row.key, row] as const))(
    'opens %s for every package its class patches',
    (_key, row) => {
      const names = definitionsOf(row).map(definition => definition.name)
      expect(row.packages).toEqual(expect.arrayContaining([...new Set(names)]))
    },
  )

  it.each(catalog.filter(row => row.widen).map(row => [row.key, row] as const))(
    'widens %s beyond what upstream says',
    (_key, row) => {
      const source = `@opentelemetry/instrumentation-${row.key}`
      const definitions = definitionsOf({ ...row, source: { ...row.source!, from: source } })
      for (const [name, ranges] of Object.entries(row.widen!)) {
        const known = definitions.find(definition => definition.name === name)!.supportedVersions
        const upper = Number(/<(\d+)/.exec(known[0]!)![1])
        expect(ranges.some(range => inRange(`${upper}.0.0`, range))).toBe(true)
        expect(ranges.some(range => inRange(`${upper + 1}.0.0`, range))).toBe(false)
      }
    },
  )
})
