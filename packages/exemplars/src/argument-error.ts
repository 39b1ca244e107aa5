/** A mistake in the call, reported to the programmer who made it. Match on `code`; two copies of us may be loaded. */
export class ArgumentError extends TypeError {
  readonly code = 'ORG_OTEL_ARGUMENT'
}
