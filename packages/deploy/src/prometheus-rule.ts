// The alerts as a resource of the Prometheus Operator: the same groups as in prometheus/rules.yml.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'

const home = join(import.meta.dirname, '..')
export const prometheusRuleFile = 'kubernetes/overlays/prometheus-operator/rules.yaml'

export function renderPrometheusRule(): string {
  const { groups } = parse(readFileSync(join(home, 'prometheus/rules.yml'), 'utf8'))
  const resource = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'otel' },
    spec: { groups },
  }
  return `# Generated from prometheus/rules.yml: \`npm run generate\` in packages/deploy.\n${stringify(resource, { lineWidth: 0 })}`
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(join(home, prometheusRuleFile), renderPrometheusRule())
}
