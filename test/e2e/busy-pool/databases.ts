// Rows that are databases with a query language of their own, and the builders above them.
import type { Row, Untried } from './row.ts'

export const databases: readonly Row[] = []

export const untriedDatabases: readonly Untried[] = []
