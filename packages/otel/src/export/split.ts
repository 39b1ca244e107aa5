// A request the collector called too large, cut in two. The request itself is all the structure this needs: items are
// fields 2 of scopes, scopes are fields 2 of resources (see request.ts), for metrics one level deeper (data points).
import { ProtoWriter } from './protobuf.ts'
import { type Field, walk } from './wire.ts'

export interface Half {
  readonly bytes: Buffer
  readonly items: number
}

/** Field that holds data points inside Metric: gauge 5, sum 7, histogram 9, exponential histogram 10, summary 11. */
const metricData = new Set([5, 7, 9, 10, 11])

/** Two requests with the same items in the same order, or `undefined` when there is only one item to begin with. */
export function splitRequest(bytes: Uint8Array, isMetrics: boolean): [Half, Half] | undefined {
  const total = countItems(bytes, isMetrics)
  if (total < 2) return undefined
  const middle = total >> 1
  return [
    { bytes: keepItems(bytes, isMetrics, 0, middle), items: middle },
    { bytes: keepItems(bytes, isMetrics, middle, total), items: total - middle },
  ]
}

/** Spans or log records; data points for metrics. */
export function countItems(bytes: Uint8Array, isMetrics: boolean): number {
  let items = 0
  walk(bytes, 0, bytes.length, resource => {
    if (resource.number !== 1) return
    walk(bytes, resource.from, resource.to, scope => {
      if (scope.number !== 2) return
      walk(bytes, scope.from, scope.to, item => {
        if (item.number !== 2) return
        items += isMetrics ? countPoints(bytes, item) : 1
      })
    })
  })
  return items
}

function countPoints(bytes: Uint8Array, metric: Field): number {
  let points = 0
  walk(bytes, metric.from, metric.to, data => {
    if (!metricData.has(data.number)) return
    walk(bytes, data.from, data.to, point => {
      if (point.number === 1) points++
    })
  })
  return points
}

/** A copy of the request with only the items whose index is in [first, end). Scopes that become empty go. */
function keepItems(bytes: Uint8Array, isMetrics: boolean, first: number, end: number): Buffer {
  const w = new ProtoWriter(bytes.length + 64)
  let index = 0

  const copy = (field: Field) => {
    w.reserve(field.to - field.start)
    w.raw(bytes.subarray(field.start, field.to))
  }
  const kept = (items: number) => {
    const from = index
    index += items
    return from < end && from + items > first
  }
  // Writes the field again with what `inside` makes of its content.
  const rewrite = (field: Field, inside: (field: Field) => void) => {
    w.reserve(16)
    w.varint(field.number * 8 + 2)
    const at = w.open()
    walk(bytes, field.from, field.to, inside)
    w.close(at)
  }
  const metric = (field: Field) => {
    const points = countPoints(bytes, field)
    if (index >= first && index + points <= end) {
      index += points
      return copy(field)
    }
    if (index >= end || index + points <= first) {
      index += points
      return
    }
    rewrite(field, data => {
      if (!metricData.has(data.number)) return copy(data)
      rewrite(data, point => {
        if (point.number !== 1 || kept(1)) copy(point)
      })
    })
  }

  walk(bytes, 0, bytes.length, resource => {
    if (resource.number !== 1) return copy(resource)
    rewrite(resource, scope => {
      if (scope.number !== 2) return copy(scope)
      const start = w.pos
      const before = index
      rewrite(scope, item => {
        if (item.number !== 2) copy(item)
        else if (isMetrics) metric(item)
        else if (kept(1)) copy(item)
      })
      if (before >= end || index <= first) w.pos = start
    })
  })
  return w.finish()
}
