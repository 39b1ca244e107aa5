// The name under which the OpenTelemetry Operator, and everybody who copies this folder, loads what is in it.
require('@org/otel/register')
