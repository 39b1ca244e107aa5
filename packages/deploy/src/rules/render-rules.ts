// The rule file as Prometheus reads it.
import { stringify } from 'yaml'
import type { Alert, Recording, RuleGroup } from './rule.ts'
import { settings } from './settings.ts'

export function renderRules(groups: readonly RuleGroup[]): string {
  const file = {
    groups: groups.map(({ name, interval, rules }) => ({
      name,
      ...(interval !== undefined && { interval }),
      rules: rules.map(rule => ('alert' in rule ? alertEntry(rule) : recordingEntry(rule))),
    })),
  }
  return `# Generated from packages/deploy/src/rules: change it there.\n${stringify(file, { lineWidth: 0 })}`
}

function recordingEntry({ record, expr, labels }: Recording) {
  return { record, expr, ...(labels !== undefined && { labels }) }
}

function alertEntry(rule: Alert) {
  return {
    alert: rule.alert,
    expr: rule.expr,
    ...(rule.for !== undefined && { for: rule.for }),
    labels: { severity: rule.severity, ...rule.labels },
    annotations: {
      summary: rule.summary,
      description: rule.description,
      runbook_url: `${settings.runbooks}/${rule.runbook}.md`,
    },
  }
}
