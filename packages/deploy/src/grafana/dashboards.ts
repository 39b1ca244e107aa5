// All dashboards that are shipped.
import type { DashboardSpec } from './panel.ts'
import { services } from './services.ts'

export const dashboards: readonly DashboardSpec[] = [services]
