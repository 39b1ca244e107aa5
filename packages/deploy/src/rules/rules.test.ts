import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { readPromqlNames } from '../promql-names.ts'
import type { Alert } from './rule.ts'
import { ruleGroups } from './rules.ts'
import { settings } from './settings.ts'

const rules = ruleGroups.flatMap(group => [...group.rules])
const alerts = rules.filter((rule): rule is Alert => 'alert' in rule)
const recorded = new Set(rules.flatMap(rule => ('record' in rule ? [rule.record] : [])))
const runbooks = join(__dirname, '../../../../docs/runbooks')
const collector = join(__dirname, '../../collector')

test('every alert says what is wrong and where, and leads to a runbook that exists', () => {
  expect(alerts.length).toBeGreaterThan(10)
  for (const { alert, summary, description, runbook, severity } of alerts) {
    expect({ alert, there: existsSync(join(runbooks, `${runbook}.md`)) }).toEqual({ alert, there: true })
    expect(alert === 'CollectorAbsent' || summary.includes('$labels.')).toBe(true)
    expect(description.length).toBeGreaterThan(30)
    expect(['page', 'ticket']).toContain(severity)
  }
})

test('every runbook is one page of the index, names its alerts, and has a command to copy', () => {
  const index = readFileSync(join(runbooks, 'README.md'), 'utf8')
  const pages = readdirSync(runbooks).filter(name => name !== 'README.md')
  for (const page of pages) {
    const text = readFileSync(join(runbooks, page), 'utf8')
    expect({ page, linked: index.includes(`(${page})`) }).toEqual({ page, linked: true })
    expect({ page, commands: /^ {4,}(promtool|kubectl) /m.test(text) }).toEqual({ page, commands: true })
    const mine = alerts.filter(({ runbook }) => `${runbook}.md` === page).map(({ alert }) => alert)
    for (const alert of mine)
      expect({ page, alert, named: text.includes(alert) }).toEqual({ page, alert, named: true })
  }
})

test('every expression is PromQL, and speaks of recorded series that exist', () => {
  for (const { expr } of rules) {
    const { errors, selectors } = readPromqlNames(expr)
    expect({ expr, errors }).toEqual({ expr, errors: [] })
    for (const { metric } of selectors) if (metric.includes(':')) expect(recorded).toContain(metric)
  }
})

test('alerts that share a name differ in their labels', () => {
  const keys = alerts.map(({ alert, severity, labels }) => JSON.stringify([alert, severity, labels]))
  expect(new Set(keys).size).toBe(keys.length)
})

test.each(['gateway', 'single'])('every objective is a bucket boundary of the span metrics of %s', role => {
  const config = parse(readFileSync(join(collector, role, 'config.yaml'), 'utf8'), { merge: true })
  const buckets: string[] = config.connectors.span_metrics.histogram.explicit.buckets
  const seconds = buckets.map(text => {
    const value = text.replace(/\$\{env:\w+:-(\d+)\}/, '$1')
    return Number.parseFloat(value) / (value.endsWith('ms') ? 1000 : 1)
  })
  expect(settings.objectives.at(-1)).toMatchObject({ service: '.*', operation: '.*' })
  for (const objective of settings.objectives) expect(seconds).toContain(objective.seconds)
})
