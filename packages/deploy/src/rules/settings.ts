// What a platform team changes: objectives, thresholds, and where the runbooks are read.

export interface Objective {
  /** Regular expressions, fully anchored, as in PromQL. */
  readonly service: string
  readonly operation: string
  /** 99% of requests are faster. Must be a bucket boundary of the span metrics (Collector configuration). */
  readonly seconds: number
}

export const settings = {
  runbooks: 'https://github.com/org/otel/blob/main/docs/runbooks',

  /** Share of requests that must be faster than the objective: 0.99 makes it a p99. */
  fastShare: 0.99,
  /** Share of requests that must succeed. */
  successShare: 0.999,
  /** The first that fits decides. Add yours in front; the last one is for everything. */
  objectives: [{ service: '.*', operation: '.*', seconds: 1 }] as readonly Objective[],
  /** An operation with fewer requests per hour wakes nobody: one slow request of three is no trend. */
  minRequestsPerHour: 60,

  /** A service whose share of failed requests and messages is above this for five minutes. */
  errorShare: 0.05,

  /** Seconds of work waiting in a consumer group's partitions, at its present speed. */
  kafkaBacklogSeconds: 300,

  /** Share of the Collector's sending queue that may be full. */
  collectorQueueShare: 0.7,
  /** Share of our spans that may be lost inside a service. */
  spanLossShare: 0.001,

  /** Points by which the share of trace beginnings may grow within a service, against the same time a week ago. */
  orphanGrowth: 0.05,
} as const
