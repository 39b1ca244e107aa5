// The options of upstream's http and undici instrumentations, under their names, so that an application that brought hooks
// keeps them: `start({ instrumentations: { options: { http: { requestHook } } } })`.
import type { ClientRequest, IncomingMessage, RequestOptions, ServerResponse } from 'node:http'
import type { Attributes, Span } from '@opentelemetry/api'
import { printError } from '../../self/error-text.ts'
import { say } from '../../self/log.ts'
import { cleanValue, type FlatAttributes, ownKeys, read } from '../attributes.ts'

interface HeaderNames {
  readonly requestHeaders?: readonly string[]
  readonly responseHeaders?: readonly string[]
}

/** Upstream's `HttpInstrumentationConfig`. HTTP/2 requests have no IncomingMessage: functions are not called for them. */
export interface HttpInstrumentationOptions {
  readonly disableIncomingRequestInstrumentation?: boolean
  readonly disableOutgoingRequestInstrumentation?: boolean
  readonly ignoreIncomingRequestHook?: (request: IncomingMessage) => boolean
  readonly ignoreOutgoingRequestHook?: (options: RequestOptions) => boolean
  readonly startIncomingSpanHook?: (request: IncomingMessage) => Attributes
  readonly startOutgoingSpanHook?: (options: RequestOptions) => Attributes
  readonly requestHook?: (span: Span, request: ClientRequest | IncomingMessage) => void
  readonly responseHook?: (span: Span, response: IncomingMessage | ServerResponse) => void
  readonly applyCustomAttributesOnSpan?: (
    span: Span,
    request: ClientRequest | IncomingMessage,
    response: IncomingMessage | ServerResponse,
  ) => void
  readonly requireParentforIncomingSpans?: boolean
  readonly requireParentforOutgoingSpans?: boolean
  readonly headersToSpanAttributes?: { readonly client?: HeaderNames; readonly server?: HeaderNames }
  readonly enableSyntheticSourceDetection?: boolean
  /** Instead of `http.redactQueryKeys`, for the client and for the server. */
  readonly redactedQueryParams?: readonly string[]
  readonly redactedQueryParamsServer?: readonly string[]
}

/** Upstream's `UndiciInstrumentationConfig`; `request` and `response` are undici's. */
export interface UndiciInstrumentationOptions {
  readonly ignoreRequestHook?: (request: any) => boolean
  readonly startSpanHook?: (request: any) => Attributes
  readonly requestHook?: (span: Span, request: any) => void
  readonly responseHook?: (span: Span, info: { request: any; response: any }) => void
  readonly requireParentforSpans?: boolean
  readonly headersToSpanAttributes?: HeaderNames
}

/** Calls a function of the application; if it throws, that is said once and nothing else happens. */
export function callHook<A extends unknown[], R>(
  name: string,
  hook: (...args: A) => R,
  ...args: A
): R | undefined {
  try {
    return hook(...args)
  } catch (error) {
    say('warn', 'ORG_OTEL_HOOK_FAILED', `${name}: ${printError(error)}; the request goes on without it`)
    return undefined
  }
}

/** Merges what a start hook gave into the attributes of a span to be, cleaned like all attributes of strangers. */
export function mergeAttributes(
  flat: FlatAttributes,
  given: Attributes | undefined,
  maxLength: number,
): void {
  if (typeof given !== 'object' || given === null) return
  for (const key of ownKeys(given)) {
    const value = cleanValue(read(given, key), maxLength)
    if (value === undefined || key === '') continue
    let at = 0
    while (at < flat.length && flat[at] !== key) at += 2
    flat[at] = key
    flat[at + 1] = value
  }
}

/** `user_agent.synthetic.type`: upstream knows one monitor and two crawlers. */
export function readSyntheticType(userAgent: string): 'test' | 'bot' | undefined {
  const lower = userAgent.toLowerCase()
  if (lower.includes('alwayson')) return 'test'
  return lower.includes('googlebot') || lower.includes('bingbot') ? 'bot' : undefined
}
