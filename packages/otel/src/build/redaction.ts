// What was decided about secrets -> the one redactor of the process. Its rules are compiled when something is about to leave:
// nothing does while a process starts, and they are a fifth of what would be parsed then.
import type { Config } from '../config/config.ts'
import { buildRedactor, type Redactor, type RedactorOptions } from '../redact/redactor.ts'

/** Undefined when nothing is hidden: then nothing is looked at. */
export function buildRedaction({ redaction, http }: Config): Redactor | undefined {
  const { kinds, hiddenKeys, shownKeys, patterns } = redaction
  if (kinds.length === 0) return undefined
  return defer({
    kinds,
    keys: {
      hidden: hiddenKeys,
      shown: shownKeys,
      ...(http.redactQueryKeys !== undefined && { query: http.redactQueryKeys }),
    },
    patterns,
  })
}

/** The redactor with these options, made at its first use. */
function defer(options: RedactorOptions): Redactor {
  let made: Redactor | undefined
  const get = (): Redactor => (made ??= buildRedactor(options))
  return {
    query: {
      redactQuery: query => get().query.redactQuery(query),
      redactPath: path => get().query.redactPath(path),
    },
    redactSpan: span => get().redactSpan(span),
    redactAttribute: (key, value) => get().redactAttribute(key, value),
    redactBody: value => get().redactBody(value),
    redactFields: fields => get().redactFields(fields),
  }
}
