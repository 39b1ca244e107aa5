// How many connections the pools of mysql have, with upstream's name. Asked for when metrics are collected.
import type { Meter } from '@opentelemetry/api'

export interface Pool {
  readonly config?: {
    readonly connectionConfig?: {
      readonly host?: string
      readonly port?: number
      readonly database?: string
      readonly user?: string
    }
  }
  readonly _allConnections?: { readonly length: number }
  readonly _freeConnections?: { readonly length: number }
}

export class MysqlMetrics {
  private readonly openMeter: () => Meter
  private readonly pools = new Set<WeakRef<Pool>>()
  private readonly known = new WeakMap<Pool, WeakRef<Pool>>()

  private isObserving = false

  /** `openMeter` is called when there is something to measure. */
  constructor(openMeter: () => Meter) {
    this.openMeter = openMeter
  }

  addPool(pool: Pool): void {
    if (this.known.has(pool)) return
    const reference = new WeakRef(pool)
    this.known.set(pool, reference)
    this.pools.add(reference)
    if (this.isObserving) return
    this.isObserving = true
    this.observe()
  }

  removePool(pool: Pool): void {
    this.pools.delete(this.known.get(pool) as WeakRef<Pool>)
  }

  private observe(): void {
    this.openMeter()
      .createObservableUpDownCounter('db.client.connection.count', {
        description:
          'The number of connections that are currently in state described by the state attribute.',
        unit: '{connection}',
      })
      .addCallback(result => {
        for (const [name, { used, idle }] of this.readPools()) {
          const pool = { 'db.client.connection.pool.name': name }
          result.observe(used, { 'db.client.connection.state': 'used', ...pool })
          result.observe(idle, { 'db.client.connection.state': 'idle', ...pool })
        }
      })
  }

  /** By name: pools to the same database are one series. */
  private readPools(): Map<string, { used: number; idle: number }> {
    const out = new Map<string, { used: number; idle: number }>()
    for (const reference of this.pools) {
      const pool = reference.deref()
      if (pool === undefined) {
        this.pools.delete(reference)
        continue
      }
      const name = nameOf(pool)
      let state = out.get(name)
      if (state === undefined) out.set(name, (state = { used: 0, idle: 0 }))
      const idle = pool._freeConnections?.length ?? 0
      state.used += (pool._allConnections?.length ?? 0) - idle
      state.idle += idle
    }
    return out
  }
}

function nameOf({ config }: Pool): string {
  const { host, port, database, user } = config?.connectionConfig ?? {}
  return [
    host && `host: '${host}'`,
    port && `port: ${port}`,
    database && `database: '${database}'`,
    user && `user: '${user}'`,
  ]
    .filter(Boolean)
    .join(', ')
}
