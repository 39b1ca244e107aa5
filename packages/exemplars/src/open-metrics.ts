// OpenMetrics text 1.0, and the plain text format 0.0.4: data to text, nothing else.
// https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md

export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
export const plainTextType = 'text/plain; version=0.0.4; charset=utf-8'
export const endOfPage = '# EOF\n'

export interface Sample {
  /** Full name, suffix included. */
  readonly name: string
  readonly labels: Readonly<Record<string, unknown>>
  readonly value: number
  readonly exemplar?: SampleExemplar | undefined
}

export interface SampleExemplar {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Seconds since the epoch. */
  readonly timestamp: number
}

export interface Family {
  /** As the plain page has it: a counter ends in `_total` or is shown as `unknown`, its samples keep their name. */
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: readonly Sample[]
}

const types: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary', 'info', 'stateset'])

export function renderOpenMetrics(families: readonly Family[]): string {
  const taken = new Set(families.filter(family => family.type !== 'counter').map(family => family.name))
  const lines: string[] = []
  for (const family of families) {
    const { name, type } = describe(family, taken)
    lines.push(`# HELP ${name} ${escapeText(family.help)}`, `# TYPE ${name} ${type}`)
    for (const sample of family.samples) lines.push(renderSample(sample, type))
  }
  return lines.length === 0 ? endOfPage : `${lines.join('\n')}\n${endOfPage}`
}

/** The same families for a scraper that did not ask for OpenMetrics: no exemplars. */
export function renderPlainText(families: readonly Family[]): string {
  const blocks = families.map(({ name, help, type, samples }) => {
    const shown = types.has(type) ? type : 'untyped'
    const head = [
      `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`,
      `# TYPE ${name} ${shown}`,
    ]
    return [...head, ...samples.map(sample => renderSample(sample, ''))].join('\n')
  })
  return `${blocks.join('\n\n')}\n`
}

// OpenMetrics names a counter's family without `_total`. A counter without the suffix, or one whose family would
// collide with another metric, keeps its name and loses its type (and with it the exemplar): names never change.
function describe(family: Family, taken: Set<string>): { name: string; type: string } {
  if (family.type !== 'counter')
    return { name: family.name, type: types.has(family.type) ? family.type : 'unknown' }
  const short = family.name.endsWith('_total') ? family.name.slice(0, -6) : ''
  if (short === '' || taken.has(short)) return { name: family.name, type: 'unknown' }
  taken.add(short)
  return { name: short, type: 'counter' }
}

function renderSample(sample: Sample, type: string): string {
  const line = `${sample.name}${renderLabels(sample.labels)} ${renderValue(sample.value)}`
  const { exemplar } = sample
  const carries = (type === 'histogram' && sample.name.endsWith('_bucket')) || type === 'counter'
  if (exemplar === undefined || !carries) return line
  return `${line} # ${renderLabels(exemplar.labels) || '{}'} ${renderValue(exemplar.value)} ${exemplar.timestamp}`
}

function renderLabels(labels: Readonly<Record<string, unknown>>): string {
  let text = ''
  for (const name of Object.keys(labels)) {
    text += `${text === '' ? '' : ','}${name}="${escapeText(String(labels[name]))}"`
  }
  return text === '' ? '' : `{${text}}`
}

function renderValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

function escapeText(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')
}
