// `OTEL_SEMCONV_STABILITY_OPT_IN=database/dup`: the names that dashboards were built on stand beside the new ones.
import type { AttributeValue, SpanOptions, TracerProvider } from '@opentelemetry/api'
import type { FlatAttributes } from '../tracing/attributes.ts'

export type Semconv = 'stable' | 'dup'

/** New name -> old name. */
const oldNames: Readonly<Record<string, string>> = {
  'db.system.name': 'db.system',
  'db.namespace': 'db.name',
  'db.query.text': 'db.statement',
  'db.operation.name': 'db.operation',
  'db.collection.name': 'db.mongodb.collection',
  'server.address': 'net.peer.name',
  'server.port': 'net.peer.port',
}

/** `attributes`, and with `dup` the same values under their old names; `user` had a name in the old ones only. */
export function withOldNames(
  semconv: Semconv | undefined,
  attributes: FlatAttributes,
  user?: unknown,
): FlatAttributes {
  if (semconv !== 'dup') return attributes
  const { length } = attributes
  for (let i = 0; i < length; i += 2) {
    const old = oldNames[attributes[i] as string]
    if (old !== undefined) attributes.push(old, attributes[i + 1] as AttributeValue)
  }
  if (typeof user === 'string') attributes.push('db.user', user)
  return attributes
}

/** The same for the spans of upstream's instrumentations, which are made through the API. */
export function withOldNamesBeside(provider: TracerProvider): TracerProvider {
  return {
    getTracer(...scope) {
      const tracer = provider.getTracer(...scope)
      return {
        startSpan: (name, options, context) => tracer.startSpan(name, addOldNames(options), context),
        startActiveSpan: tracer.startActiveSpan.bind(tracer),
      }
    },
  }
}

function addOldNames(options: SpanOptions | undefined): SpanOptions | undefined {
  if (options?.attributes === undefined) return options
  const attributes = { ...options.attributes }
  for (const [name, old] of Object.entries(oldNames))
    if (attributes[name] !== undefined) attributes[old] = attributes[name]
  return { ...options, attributes }
}
