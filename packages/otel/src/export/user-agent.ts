// OTLP specification, "User Agent": who sends, so that a collector's operator can tell distributions apart.
// The build replaces `__ORG_OTEL_VERSION__`; from sources there is no version to tell.
declare const __ORG_OTEL_VERSION__: string | undefined

export const version: string =
  typeof __ORG_OTEL_VERSION__ === 'string' ? __ORG_OTEL_VERSION__ : '0.0.0-source'
export const userAgent = `org-otel-node/${version}`
