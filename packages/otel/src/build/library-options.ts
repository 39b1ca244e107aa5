// What was decided, in the words of the libraries that the loader hands it to (by chunk name).
import type { Config } from '../config/config.ts'

export function buildLibraryOptions(config: Config): Record<string, Readonly<Record<string, unknown>>> {
  const { logs, metrics } = config
  return {
    logging: {
      correlation: logs.correlation,
      preset: logs.preset,
      fields: logs.fields,
      baggageKeys: logs.baggageKeys,
      ...(logs.nested !== undefined && { nested: logs.nested }),
      ...(logs.requestIdHeader !== undefined && { requestIdField: 'request_id' }),
    },
    exemplars: {
      enabled: metrics.exemplarFilter !== 'always_off' && metrics.exemplars?.promClient !== false,
      intervalMs: metrics.exemplars?.minIntervalMs,
    },
  }
}
