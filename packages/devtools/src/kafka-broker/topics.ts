// All topics. The bytes of all partitions together are bounded; beyond that the fullest partition forgets its oldest.
import { Partition } from './partition.ts'

const maxPartitions = 1000
const maxTopics = 1000

export class Topics {
  private readonly byName = new Map<string, Partition[]>()
  private readonly waiting = new Set<() => void>()
  private readonly defaultPartitions: number
  private readonly maxBytes: number

  constructor(defaultPartitions: number, maxBytes: number) {
    this.defaultPartitions = defaultPartitions
    this.maxBytes = maxBytes
  }

  names(): string[] {
    return [...this.byName.keys()]
  }

  get(name: string): readonly Partition[] | undefined {
    return this.byName.get(name)
  }

  partition(name: string, index: number): Partition | undefined {
    return this.byName.get(name)?.[index]
  }

  /**
   * Creates a topic; `partitions` of -1 means the default. False: it exists, or the number is not possible,
   * or there are too many topics.
   */
  create(name: string, partitions = -1): boolean {
    const count = partitions === -1 ? this.defaultPartitions : partitions
    if (this.byName.size >= maxTopics) return false
    if (this.byName.has(name) || count < 1 || count > maxPartitions) return false
    this.byName.set(
      name,
      Array.from({ length: count }, () => new Partition()),
    )
    return true
  }

  /** Adds partitions up to `total`. */
  grow(name: string, total: number): boolean {
    const partitions = this.byName.get(name)
    if (partitions === undefined || total <= partitions.length || total > maxPartitions) return false
    while (partitions.length < total) partitions.push(new Partition())
    return true
  }

  delete(name: string): boolean {
    const existed = this.byName.delete(name)
    if (existed) this.changed()
    return existed
  }

  /** Tells everybody who waits for data, and makes room. */
  changed(): void {
    this.makeRoom()
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Resolves at the next change, or after `timeoutMs`. */
  waitForChange(timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        clearTimeout(timer)
        this.waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, timeoutMs)
      timer.unref()
      this.waiting.add(wake)
    })
  }

  private makeRoom(): void {
    const all = [...this.byName.values()].flat()
    let used = all.reduce((sum, partition) => sum + partition.bytes, 0)
    while (used > this.maxBytes) {
      const fullest = all.reduce((a, b) => (b.bytes > a.bytes ? b : a))
      const before = fullest.bytes
      if (!fullest.dropOldest()) return
      used -= before - fullest.bytes
    }
  }
}

/** What Kafka allows as a topic name. */
export function isTopicName(name: string): boolean {
  return name.length <= 249 && /^[\w.-]+$/.test(name) && name !== '.' && name !== '..'
}
