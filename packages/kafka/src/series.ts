// Counts and durations in interned series. An SDK hashes the attributes of every record (650 ns measured for the five
// of a message); here they are compared field by field and turned into attributes once per series.
import type { Attributes } from '@opentelemetry/api'
import type { Histogram } from './durations.ts'
import { getNames } from './names.ts'

/** The cardinality limit of the metrics SDK specification; the last series stands for all that do not fit. */
const maxSeries = 2000

export interface Series {
  readonly topic: string | undefined
  readonly groupId: string | undefined
  readonly errorType: string | undefined
  /** Of every metric about this operation. Never changed, so it may be handed to an SDK again and again. */
  readonly attributes: Attributes
  /** Messages counted so far. */
  messages: number
  /** Durations, where a meter provider takes them over. */
  histogram: Histogram | undefined
}

/** All series of one operation. */
export class SeriesTable {
  readonly all: Series[] = []
  private readonly operation: 'send' | 'process'
  private readonly byTopic = new Map<string | undefined, Series[]>()
  private overflow: Series | undefined

  constructor(operation: 'send' | 'process') {
    this.operation = operation
  }

  find(topic: string | undefined, groupId: string | undefined, errorType: string | undefined): Series {
    const list = this.byTopic.get(topic)
    if (list) {
      for (const series of list) {
        if (series.groupId === groupId && series.errorType === errorType) return series
      }
    }
    return this.add(list, topic, groupId, errorType)
  }

  private add(
    list: Series[] | undefined,
    topic: string | undefined,
    groupId: string | undefined,
    errorType: string | undefined,
  ): Series {
    const isFull = this.all.length >= maxSeries - 1
    if (isFull && this.overflow) return this.overflow
    const attributes = isFull ? { 'otel.metric.overflow': true } : this.describe(topic, groupId, errorType)
    const series: Series = { topic, groupId, errorType, attributes, messages: 0, histogram: undefined }
    this.all.push(series)
    if (isFull) this.overflow = series
    else if (list) list.push(series)
    else this.byTopic.set(topic, [series])
    return series
  }

  private describe(
    topic: string | undefined,
    groupId: string | undefined,
    errorType: string | undefined,
  ): Attributes {
    const attributes: Attributes = {
      'messaging.operation.name': this.operation,
      'messaging.operation.type': this.operation,
    }
    getNames().put(attributes, 'system', 'kafka')
    if (topic !== undefined) attributes['messaging.destination.name'] = topic
    if (groupId !== undefined) attributes['messaging.consumer.group.name'] = groupId
    if (errorType !== undefined) attributes['error.type'] = errorType
    return Object.freeze(attributes)
  }
}
