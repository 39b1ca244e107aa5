// All dashboards that are shipped.
import { kafka } from './kafka.ts'
import { operations } from './operations.ts'
import type { DashboardSpec } from './panel.ts'
import { runtime } from './runtime.ts'
import { services } from './services.ts'
import { telemetry } from './telemetry.ts'

export const dashboards: readonly DashboardSpec[] = [services, operations, kafka, runtime, telemetry]
