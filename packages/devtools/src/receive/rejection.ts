/** Why a request was refused. Both protocols answer from the same row. */
export const reasons = {
  malformed: { http: 400, grpc: 3 },
  'too large': { http: 413, grpc: 8 },
  'wrong media type': { http: 415, grpc: 3 },
  'unknown encoding': { http: 415, grpc: 12 },
  'unknown path': { http: 404, grpc: 12 },
  'wrong method': { http: 405, grpc: 12 },
  'wrong host': { http: 421, grpc: 7 },
  'wrong origin': { http: 403, grpc: 7 },
  // Both are retried by senders.
  busy: { http: 503, grpc: 14 },
  internal: { http: 500, grpc: 13 },
} as const

export type Reason = keyof typeof reasons

/** A refused request: `reason` decides the status, `message` says where in the input. Never carries the raw input. */
export class Rejection extends Error {
  readonly reason: Reason
  constructor(reason: Reason, message: string) {
    super(message)
    this.name = 'Rejection'
    this.reason = reason
  }
}
