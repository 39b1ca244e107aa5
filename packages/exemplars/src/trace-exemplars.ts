// Activation without the preload. With it, a second activation finds everything done and does nothing.
import { ArgumentError } from './argument-error.ts'
import type { PromModule, PromRegistryLike } from './instrument.ts'
import { isOtlpTransformer, type OtlpTransformerModule, patchOtlpTransformer } from './otlp-transformer.ts'
import { findPromClient, isPromClient, patchPromClient } from './prom-client.ts'
import { adoptRegistry } from './prom-observe.ts'
import { patchSdkMetrics, type SdkMetricsOptions } from './sdk-metrics.ts'
import { type ExemplarOptions, setOptions } from './shared.ts'

/** `@opentelemetry/sdk-metrics` as a namespace. */
export interface SdkMetricsModule {
  readonly MeterProvider: new (options?: any) => any
}

export interface TraceExemplarsOptions extends ExemplarOptions, SdkMetricsOptions {}

/**
 * Adds exemplars to metrics an application already has: give it `prom-client`, a registry, or
 * `@opentelemetry/sdk-metrics`. Metrics that exist already are included. Upstream's OTLP exporters send them once
 * `@opentelemetry/otlp-transformer` was given too.
 *
 * ```ts
 * import * as promClient from 'prom-client'
 * import { traceExemplars } from '@org/otel-exemplars'
 *
 * traceExemplars(promClient)
 * ```
 *
 * Returns `{ active: true }`, or `{ active: false, reason }` when this version of the library is not one we know; it
 * then works as without us. Throws ArgumentError (`code` ORG_OTEL_ARGUMENT) when `target` is something else.
 */
export function traceExemplars(
  target: PromModule | PromRegistryLike | SdkMetricsModule | OtlpTransformerModule,
  options: TraceExemplarsOptions = {},
): { active: true } | { active: false; reason: string } {
  setOptions(options)
  const reason = activate(target, options)
  return reason === undefined ? { active: true } : { active: false, reason }
}

function activate(target: any, options: TraceExemplarsOptions): string | undefined {
  if (typeof target?.MeterProvider === 'function') return patchSdkMetrics(target, options)
  if (isOtlpTransformer(target)) return patchOtlpTransformer(target)
  const module = target?.default !== undefined && !isPromClient(target) ? target.default : target
  if (isPromClient(module)) return patchPromClient(module)
  if (typeof target?.registerMetric !== 'function') {
    throw new ArgumentError(
      'target is none of prom-client, a registry of it, @opentelemetry/sdk-metrics, @opentelemetry/otlp-transformer',
    )
  }
  const client = findPromClient(target)
  if (client === undefined) return 'the prom-client this registry belongs to was not found'
  const reason = patchPromClient(client)
  if (reason === undefined) adoptRegistry(target)
  return reason
}
