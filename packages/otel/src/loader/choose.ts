// Which rows of the catalog are used, and why. Pure: the answer always carries its reason.
import type { CatalogRow } from './catalog.ts'

export interface ChosenRow {
  readonly row: CatalogRow
  readonly on: boolean
  readonly reason: string
  /** Handed to the instrumentation as they are. */
  readonly options: Readonly<Record<string, unknown>>
}

/** The part of `Config.instrumentations` that decides. */
export interface Wishes {
  readonly enabled?: ReadonlySet<string>
  readonly disabled: ReadonlySet<string>
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

function decide(
  row: CatalogRow,
  wishes: Wishes,
  options: Readonly<Record<string, unknown>>,
): [boolean, string] {
  // The order is auto-instrumentations-node's: options beat the disabled list, which beats the enabled list.
  if (options.enabled === false) return [false, 'switched off by its options']
  if (options.enabled === true) return [true, 'switched on by its options']
  if (wishes.disabled.has(row.key)) return [false, 'in OTEL_NODE_DISABLED_INSTRUMENTATIONS']
  if (wishes.enabled !== undefined) {
    return wishes.enabled.has(row.key)
      ? [true, 'in OTEL_NODE_ENABLED_INSTRUMENTATIONS']
      : [false, 'not in OTEL_NODE_ENABLED_INSTRUMENTATIONS']
  }
  return row.byDefault ? [true, 'on by default'] : [false, `off by default: ${row.why}`]
}

/** One answer per row, in the order of the catalog. */
export function chooseRows(catalog: readonly CatalogRow[], wishes: Wishes): ChosenRow[] {
  return catalog.map(row => {
    const options = { ...wishes.options[row.chunk ?? row.key], ...wishes.options[row.key] }
    const [on, reason] = decide(row, wishes, options)
    return { row, on, reason, options }
  })
}

/** Names that were asked for and are in no row: `expres`. */
export function unknownNames(catalog: readonly CatalogRow[], wishes: Wishes): string[] {
  const known = new Set(catalog.flatMap(row => [row.key, row.chunk ?? row.key]))
  const asked = [...(wishes.enabled ?? []), ...wishes.disabled, ...Object.keys(wishes.options)]
  return [...new Set(asked.filter(name => !known.has(name)))]
}
