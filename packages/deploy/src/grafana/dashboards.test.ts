import { datasources } from '../datasources.ts'
import { readPromqlNames, withoutVariables } from '../promql-names.ts'
import { ruleGroups } from '../rules/rules.ts'
import { buildDashboard } from './build-dashboard.ts'
import { dashboards } from './dashboards.ts'

/** Every value of one key, anywhere in the JSON. */
function collect(value: unknown, key: string, into: unknown[] = []): unknown[] {
  if (value === null || typeof value !== 'object') return into
  for (const [name, inner] of Object.entries(value)) {
    if (name === key) into.push(inner)
    collect(inner, key, into)
  }
  return into
}

const recorded = new Set(
  ruleGroups.flatMap(group => group.rules.flatMap(rule => ('record' in rule ? [rule.record] : []))),
)

test('dashboards have addresses of their own', () => {
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length)
})

describe.each(dashboards)('$title', spec => {
  const built: any = JSON.parse(JSON.stringify(buildDashboard(spec)))
  const panels = spec.rows.flatMap(row => [...row.panels])

  test('panel ids are there and unique, and panels do not lie on each other', () => {
    const ids = built.panels.map((panel: any) => panel.id)
    expect(ids.every(Number.isInteger)).toBe(true)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toHaveLength(panels.length + spec.rows.length)
    const taken = new Set<string>()
    for (const { gridPos } of built.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`)).toBe(false)
          taken.add(`${x},${y}`)
        }
      }
    }
  })

  test('every data source is one of the table, of its type', () => {
    const known = Object.values(datasources).map(({ uid, type }) => ({ uid, type }))
    const used = collect(built, 'datasource')
    expect(used.length).toBeGreaterThan(panels.length)
    for (const one of used) expect(known).toContainEqual(one)
  })

  test('every panel says what one sees, and every query says which line is which', () => {
    for (const panel of panels) {
      expect(panel.says.length).toBeGreaterThan(20)
      if (panel.kind === 'traces' || panel.kind === 'table') continue
      for (const { expr, legend } of panel.queries) {
        for (const [, label] of (legend ?? '').matchAll(/\{\{(\w+)\}\}/g)) {
          // A legend of a label that was summed away is empty.
          const { grouping, selectors } = readPromqlNames(withoutVariables(expr))
          const whole = !/\b(sum|max|avg|min)\b/.test(expr)
          expect({
            label,
            in: whole || selectors.some(one => one.metric.includes(':')) || grouping.includes(label!),
          }).toEqual({
            label,
            in: true,
          })
        }
      }
    }
  })

  test('every expression is PromQL, and recorded series exist in the rules', () => {
    for (const panel of panels) {
      if (panel.kind === 'traces') continue
      for (const { expr } of panel.queries) {
        const { errors, selectors } = readPromqlNames(withoutVariables(expr))
        expect({ expr, errors }).toEqual({ expr, errors: [] })
        for (const { metric } of selectors) if (metric.includes(':')) expect(recorded).toContain(metric)
      }
    }
  })

  test('exemplars are asked of histograms only: nothing else has any', () => {
    for (const panel of panels) {
      if (panel.kind === 'traces') continue
      for (const { expr, exemplars } of panel.queries) if (exemplars) expect(expr).toMatch(/_bucket\{/)
    }
  })

  test('a variable that is used is offered', () => {
    const offered = spec.variables.map(({ name }) => name)
    for (const [, name] of JSON.stringify(spec.rows).matchAll(/\$(?!__)(\w+)/g))
      expect(offered).toContain(name)
  })
})
