// What a handler of one Kafka request gets and gives.
import type { Group } from './group.ts'
import type { Topics } from './topics.ts'
import type { Transactions } from './transactions.ts'
import type { Reader, Writer } from './wire.ts'

export interface Cluster {
  readonly host: string
  readonly port: number
  readonly topics: Topics
  readonly transactions: Transactions
  readonly autoCreate: boolean
  readonly groups: Map<string, Group>
  /** The group, created when it does not exist. */
  group(id: string): Group
}

export interface Call {
  readonly version: number
  readonly clientId: string
  readonly request: Reader
  readonly response: Writer
  readonly cluster: Cluster
}

/** `silent`: the client asked for no answer. */
export type Outcome = void | 'silent'

export interface Api {
  readonly key: number
  readonly name: string
  /** The versions we speak. All of them use the classic encoding, except ApiVersions 3. */
  readonly min: number
  readonly max: number
  handle(call: Call): Outcome | Promise<Outcome>
}

/** There is one broker, and it is number 1. */
export const nodeId = 1
