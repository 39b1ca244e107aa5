import type { SamplingRule } from './config.ts'
import type { Parsed } from './parse.ts'

const expected = 'expected match=drop, match=always or match=<0 to 1>, separated by commas'

/** `/healthz=drop,/checkout/*=always,/search*=0.05`, or the same as JSON: `[{"match":"/healthz","action":"drop"}]`. */
export function parseRules(text: string): Parsed<readonly SamplingRule[]> {
  if (text.startsWith('[')) return parseJsonRules(text)
  const value: SamplingRule[] = []
  const faults: string[] = []
  for (const part of text.split(',')) {
    const rule = part.trim()
    if (rule === '') continue
    const equals = rule.lastIndexOf('=')
    const match = rule.slice(0, equals).trim()
    const action = equals > 0 ? parseAction(rule.slice(equals + 1).trim()) : undefined
    if (action === undefined || match === '') faults.push(`${JSON.stringify(rule)} is left out, ${expected}`)
    else value.push({ match, action })
  }
  return faults.length > 0 ? { value, faults } : { value }
}

function parseAction(text: string): SamplingRule['action'] | undefined {
  if (text === 'drop' || text === 'always') return text
  const ratio = text === '' ? Number.NaN : Number(text)
  return ratio >= 0 && ratio <= 1 ? { ratio } : undefined
}

function parseJsonRules(text: string): Parsed<readonly SamplingRule[]> {
  let rows: unknown
  try {
    rows = JSON.parse(text)
  } catch {
    return { fault: 'expected a JSON list of {"match", "action"}' }
  }
  const value: SamplingRule[] = []
  const faults: string[] = []
  for (const [index, row] of (rows as unknown[]).entries()) {
    const { match, action } = (row ?? {}) as { match?: unknown; action?: unknown }
    const ratio = (action as { ratio?: unknown } | null)?.ratio ?? action
    const parsed = parseAction(typeof ratio === 'string' || typeof ratio === 'number' ? String(ratio) : '')
    if (typeof match === 'string' && match !== '' && parsed !== undefined)
      value.push({ match, action: parsed })
    else faults.push(`rule ${index + 1} is left out, ${expected}`)
  }
  return faults.length > 0 ? { value, faults } : { value }
}
