// What was decided about secrets -> the one redactor of the process.
import type { Config } from '../config/config.ts'
import { buildRedactor, type Redactor } from '../redact/redactor.ts'

/** Undefined when nothing is hidden: then nothing is looked at. */
export function buildRedaction({ redaction, http }: Config): Redactor | undefined {
  const { kinds, hiddenKeys, shownKeys, patterns } = redaction
  if (kinds.length === 0) return undefined
  return buildRedactor({
    kinds,
    keys: {
      hidden: hiddenKeys,
      shown: shownKeys,
      ...(http.redactQueryKeys !== undefined && { query: http.redactQueryKeys }),
    },
    patterns,
  })
}
