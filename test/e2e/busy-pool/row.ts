// A row of the busy-pool table: a library, the program that keeps its pool busy, and what each request must leave.

/** Started by test/real/busy-pool.test.ts, which gives the program its address in `SERVER_URL`. */
export const realServers = ['Redis', 'RabbitMQ', 'memcached', 'PostgreSQL', 'MariaDB'] as const
export type RealServer = (typeof realServers)[number]

export interface Row {
  /** File in `test/apps/busy-pool`. */
  readonly program: string
  /** Key of the catalog. */
  readonly key: string
  /** Package whose version the title gives, as `test/package.json` calls it; `node` for Node itself. */
  readonly package: string
  /** `own server`: the library brings one. `small protocol server`: a few lines here speak the protocol. */
  readonly server: 'own server' | 'small protocol server' | RealServer
  /** Way of calling (a name in the program) -> what one request leaves. */
  readonly ways: Readonly<Record<string, Way>>
  /** Node lines. Default: the one that runs the tests. */
  readonly nodes?: readonly number[]
  /** Spans that not every request has and that no tag names: the one that opened a connection has it, or nobody. */
  readonly setup?: RegExp
  readonly env?: Readonly<Record<string, string>>
}

export interface Way {
  /** Spans of the operation per request: those with the tag, or those whose name fits `named`. Never the server's. */
  readonly spans: number
  /** For operations whose spans do not show their arguments. */
  readonly named?: RegExp
  /** Headers that a server saw per request. Default 0: the protocol carries none. */
  readonly headers?: number
  /** Marks per request, with the one after the `await`. Default 1. */
  readonly marks?: number
  /** Name of the span that is the parent of the marks that are not directly in the request's: a consumer's. */
  readonly markIn?: RegExp
}

/** A row of the catalog without a busy pool, and why. */
export interface Untried {
  readonly key: string
  readonly why: string
}

export const requests = 40

export function needsRealServer({ server }: Row): boolean {
  return (realServers as readonly string[]).includes(server)
}
