// All rules that are shipped.
import { kafkaGroups } from './kafka.ts'
import { objectiveGroups } from './objectives.ts'
import type { RuleGroup } from './rule.ts'
import { telemetryGroups } from './telemetry.ts'

export const ruleGroups: readonly RuleGroup[] = [...objectiveGroups, ...kafkaGroups, ...telemetryGroups]
