// Every generated file: where it is, and what it must contain.
import { join } from 'node:path'
import { buildDashboard } from './grafana/build-dashboard.ts'
import { dashboards } from './grafana/dashboards.ts'
import { renderRules } from './rules/render-rules.ts'
import { ruleGroups } from './rules/rules.ts'

export interface GeneratedFile {
  /** Relative to packages/deploy. */
  readonly file: string
  readonly text: string
}

export function generated(): GeneratedFile[] {
  return [
    ...dashboards.map(spec => ({
      file: join('grafana', `${spec.uid}.json`),
      text: `${JSON.stringify(buildDashboard(spec), null, 2)}\n`,
    })),
    { file: join('prometheus', 'rules.yml'), text: renderRules(ruleGroups) },
  ]
}
