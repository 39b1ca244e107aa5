// Reads Export*ServiceResponse: partial_success = 1 { rejected_x = 1, error_message = 2 }. The same for all signals.
import { readInt64, readText, walk } from './wire.ts'

export interface PartialSuccess {
  readonly rejected: number
  readonly message: string
}

const none: PartialSuccess = { rejected: 0, message: '' }

/** Garbage reads as "all accepted": the status already said so. */
export function readPartialSuccess(bytes: Uint8Array): PartialSuccess {
  let rejected = 0
  let message = ''
  try {
    walk(bytes, 0, bytes.length, field => {
      if (field.number !== 1 || field.wireType !== 2) return
      walk(bytes, field.from, field.to, inner => {
        if (inner.number === 1 && inner.wireType === 0)
          rejected = Number(readInt64(bytes, inner.from, inner.to))
        else if (inner.number === 2 && inner.wireType === 2) message = readText(bytes, inner)
      })
    })
  } catch {
    return none
  }
  return { rejected, message }
}

/** The same answer in JSON: `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"..."}}`. */
export function readJsonPartialSuccess(text: string): PartialSuccess {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: Record<string, unknown> }
    if (typeof partialSuccess !== 'object' || partialSuccess === null) return none
    const { rejectedSpans, rejectedLogRecords, rejectedDataPoints, errorMessage } = partialSuccess
    const rejected = Number(rejectedSpans ?? rejectedLogRecords ?? rejectedDataPoints ?? 0)
    return {
      rejected: Number.isFinite(rejected) ? rejected : 0,
      message: typeof errorMessage === 'string' ? errorMessage : '',
    }
  } catch {
    return none
  }
}
