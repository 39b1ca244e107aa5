// Which metrics and labels a PromQL expression speaks about, read by Prometheus' own grammar.
import { parser } from '@prometheus-io/lezer-promql'

/** One selector: a metric and every label the expression expects of it. */
export interface Selector {
  readonly metric: string
  readonly labels: readonly string[]
}

export interface PromqlNames {
  readonly selectors: readonly Selector[]
  /** Labels that results are grouped or joined by. */
  readonly grouping: readonly string[]
  /** Where the expression cannot be read, as text; empty when all is well. */
  readonly errors: readonly string[]
}

/** Grafana's variables, by something of the same shape. */
export function withoutVariables(expr: string): string {
  return expr.replaceAll(/\[\$__(rate_)?interval\]/g, '[5m]').replaceAll(/\$\w+/g, '.*')
}

/** Never throws; what cannot be read is in `errors`. */
export function readPromqlNames(expr: string): PromqlNames {
  const selectors: { metric: string; labels: string[] }[] = []
  const grouping = new Set<string>()
  const errors: string[] = []
  const text = (node: { from: number; to: number }) => expr.slice(node.from, node.to)
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) errors.push(`at ${node.from}: ${expr.slice(node.from, node.from + 20)}`)
      if (node.name === 'VectorSelector') selectors.push({ metric: '', labels: [] })
      // `selectors` holds the innermost selector last: selectors do not nest.
      const current = selectors.at(-1)
      const inGrouping = node.node.parent?.name === 'GroupingLabels'
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector' && current)
        current.metric = text(node)
      if (node.name === 'LabelName' && !inGrouping && current) current.labels.push(text(node))
      if (node.name === 'LabelName' && inGrouping) grouping.add(text(node))
    },
  })
  return { selectors, grouping: [...grouping], errors }
}
