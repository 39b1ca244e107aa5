// The measurements of node-postgres, with upstream's names. The state of a pool is asked for when metrics are collected;
// nothing is counted while it works.
import type { Attributes, Context, Histogram, Meter, ObservableResult } from '@opentelemetry/api'

/** The public face of pg-pool. */
export interface Pool {
  readonly options: {
    max: number
    host?: string
    port?: number
    database?: string
    user?: string
    connectionString?: string
    idleTimeoutMillis?: number
    maxClient?: number
  }
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  readonly ending: boolean
  readonly _pendingQueue?: readonly object[]
}

export interface Dimensions {
  readonly database: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly operation: string | undefined
  readonly errorType: string | undefined
}

interface PoolState {
  used: number
  idle: number
  pending: number
  max: number
}

const boundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

export class PgMetrics {
  private readonly openMeter: () => Meter
  private duration: Histogram | undefined
  private readonly pools = new Set<WeakRef<Pool>>()
  private readonly known = new WeakMap<Pool, WeakRef<Pool>>()
  private isObserving = false

  /** `openMeter` is called when there is something to measure. */
  constructor(openMeter: () => Meter) {
    this.openMeter = openMeter
  }

  recordDuration(seconds: number, dimensions: Dimensions, active: Context): void {
    this.duration ??= this.openMeter().createHistogram('db.client.operation.duration', {
      description: 'Duration of database client operations.',
      unit: 's',
      advice: { explicitBucketBoundaries: boundaries },
    })
    const { database, host, port, operation, errorType } = dimensions
    const attributes: Attributes = { 'db.system.name': 'postgresql' }
    if (database !== undefined) attributes['db.namespace'] = database
    if (host !== undefined) attributes['server.address'] = host
    if (port !== undefined) attributes['server.port'] = port
    if (operation !== undefined) attributes['db.operation.name'] = operation
    if (errorType !== undefined) attributes['error.type'] = errorType
    this.duration.record(seconds, attributes, active)
  }

  addPool(pool: Pool): void {
    if (this.known.has(pool)) return
    const reference = new WeakRef(pool)
    this.known.set(pool, reference)
    this.pools.add(reference)
    if (!this.isObserving) {
      this.isObserving = true
      this.observe(this.openMeter())
    }
  }

  removePool(pool: Pool): void {
    const reference = this.known.get(pool)
    if (reference === undefined) return
    this.pools.delete(reference)
    this.known.delete(pool)
  }

  private observe(meter: Meter): void {
    const unit = '{connection}'
    meter
      .createObservableUpDownCounter('db.client.connection.count', {
        description:
          'The number of connections that are currently in state described by the state attribute.',
        unit,
      })
      .addCallback(result => {
        for (const [name, { used, idle }] of this.readPools()) {
          const pool = { 'db.client.connection.pool.name': name }
          result.observe(used, { 'db.client.connection.state': 'used', ...pool })
          result.observe(idle, { 'db.client.connection.state': 'idle', ...pool })
        }
      })
    const single = (name: string, description: string, field: 'pending' | 'max'): void =>
      meter
        .createObservableUpDownCounter(name, { description, unit })
        .addCallback((result: ObservableResult) => {
          for (const [pool, state] of this.readPools())
            result.observe(state[field], { 'db.client.connection.pool.name': pool })
        })
    single(
      'db.client.connection.pending_requests',
      'The number of current pending requests for an open connection.',
      'pending',
    )
    single('db.client.connection.max', 'The maximum number of open connections allowed.', 'max')
  }

  /** By name: pools to the same database are one series. */
  private readPools(): Map<string, PoolState> {
    const out = new Map<string, PoolState>()
    for (const reference of this.pools) {
      const pool = reference.deref()
      if (pool === undefined) {
        this.pools.delete(reference)
        continue
      }
      const { host, port, database, max } = pool.options
      const name = `${host || 'unknown_host'}:${port || 'unknown_port'}/${database || 'unknown_database'}`
      let state = out.get(name)
      if (state === undefined) out.set(name, (state = { used: 0, idle: 0, pending: 0, max: 0 }))
      state.used += pool.totalCount - pool.idleCount
      state.idle += pool.idleCount
      state.pending += pool.waitingCount
      state.max += max
    }
    return out
  }
}
