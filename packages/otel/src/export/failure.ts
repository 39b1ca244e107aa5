// Why nothing was sent, in the words of somebody who can fix it: Node wraps the reason, and OpenSSL prints its source files.
import { types } from 'node:util'

/** More than anybody wraps; a cause may also point back to where it came from. */
const maxDepth = 8

export interface Failure {
  /** Goes to metrics as `error.type`; undefined when there is none. */
  readonly code: string | undefined
  readonly says: string | undefined
}

/** What is at the bottom of an error. `says` is undefined when it was no error, or one without a word. */
export function describeFailure(error: unknown): Failure {
  const { code, message } = (findCause(error) ?? {}) as { code?: unknown; message?: unknown }
  return {
    code: typeof code === 'string' && code !== '' ? code : undefined,
    says: typeof message === 'string' && message !== '' ? explainTls(message) : undefined,
  }
}

// The attempts on several addresses (IPv6 and IPv4 of localhost) are one AggregateError; the calls that waited for an
// HTTP/2 session fail as cancelled, because of the session's error.
function findCause(error: unknown): unknown {
  let found = error
  for (let i = 0; i < maxDepth; i++) {
    const { errors, cause } = (found ?? {}) as { errors?: unknown; cause?: unknown }
    const inner = Array.isArray(errors) && errors.length > 0 ? errors[0] : cause
    if (!types.isNativeError(inner)) break
    found = inner
  }
  return found
}

function explainTls(message: string): string {
  if (!/wrong version number/.test(message)) return message
  return 'wrong version number in the TLS handshake; the port does not speak TLS: write http://'
}
