// OTLP specification, "User Agent": who sends, so that a collector's operator can tell distributions apart.
import { version } from '../self/version.ts'

export const userAgent = `org-otel-node/${version}`
