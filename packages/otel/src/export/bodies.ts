// For senders that post something else than the bytes they are given: which shipment a body was made of.
import type { LateAnswers } from './sender.ts'

export class Bodies {
  private readonly shipments = new Map<Buffer, Buffer>()

  /** Remembers `body` as made of `bytes` while `post` lasts. */
  async during<T>(body: Buffer, bytes: Buffer, post: (body: Buffer) => Promise<T>): Promise<T> {
    this.shipments.set(body, bytes)
    try {
      return await post(body)
    } finally {
      this.shipments.delete(body)
    }
  }

  shipmentsOf({ accepted, unanswered }: LateAnswers): LateAnswers {
    return { accepted: this.map(accepted), unanswered: this.map(unanswered) }
  }

  private map(bodies: ReadonlySet<Buffer>): Set<Buffer> {
    return new Set([...bodies].flatMap(body => this.shipments.get(body) ?? []))
  }
}
