/** Version of @org/otel. A test compares it with package.json, so that nothing has to be read at start. */
export const version = '0.1.0'
export const distroName = 'org-otel'
/** Version of the OpenTelemetry family we implement (`telemetry.sdk.version`): that of @opentelemetry/core we bundle. */
export const sdkVersion = '3.1.1'
