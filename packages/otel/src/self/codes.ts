// Every code a person can read on stderr. A code is never reused and never changes its meaning; docs/errors.md is
// generated from these rows (`scripts/docs.mjs`) and a test compares both with the places that say them.

export interface CodeRow {
  readonly code: string
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** What happened. */
  readonly says: string
  /** What we do about it, and what the reader can do. */
  readonly action: string
}

export const codes = [
  {
    code: 'ORG_OTEL_CONFIG_INVALID',
    level: 'warn',
    says: 'The value of a setting cannot be used.',
    action:
      'The line says what was expected and what is used instead. Correct the value where the line says it came from.',
  },
  {
    code: 'ORG_OTEL_CONFIG_UNKNOWN',
    level: 'warn',
    says: 'A name that looks like a setting is not one; most often it is misspelt.',
    action: 'It is ignored. Use the name the line suggests, or remove it.',
  },
  {
    code: 'ORG_OTEL_CONFIG_CONFLICT',
    level: 'warn',
    says: 'Two settings contradict each other, or a setting has no effect because of another.',
    action: 'The line says which one won. Remove the other.',
  },
  {
    code: 'ORG_OTEL_CONFIG_FILE',
    level: 'error',
    says: 'The file named by OTEL_CONFIG_FILE cannot be read, is not YAML, or has an unsupported file_format.',
    action: 'The environment is used as if OTEL_CONFIG_FILE were not set. Correct the file or the path.',
  },
  {
    code: 'ORG_OTEL_CONFIG_UNUSED',
    level: 'warn',
    says: 'A part of the configuration file is valid elsewhere but has no effect here.',
    action: 'That part is ignored, the rest of the file applies.',
  },
  {
    code: 'ORG_OTEL_PACKAGE_JSON',
    level: 'warn',
    says: 'The package.json nearest to the entry point cannot be read as JSON.',
    action: 'service.name falls back to unknown_service:node. Set OTEL_SERVICE_NAME or repair the file.',
  },
  {
    code: 'ORG_OTEL_RESOURCE_LOOKUP',
    level: 'warn',
    says: 'A cloud metadata lookup that was asked for failed or took longer than two seconds.',
    action:
      'Telemetry is sent without these attributes. Remove the detector from OTEL_NODE_RESOURCE_DETECTORS if the process does not run there.',
  },
  {
    code: 'ORG_OTEL_ARGUMENT',
    level: 'error',
    says: 'start() was called with an option that cannot be used.',
    action: 'start() throws an error with this code that lists every bad option.',
  },
  {
    code: 'ORG_OTEL_DIAG',
    level: 'info',
    says: 'A message of the OpenTelemetry API or of an upstream instrumentation.',
    action: 'The text is theirs. OTEL_LOG_LEVEL decides how much of it is shown.',
  },
  {
    code: 'ORG_OTEL_SETTING',
    level: 'debug',
    says: 'One setting that differs from its default, with its origin; secrets are hidden.',
    action: 'Nothing to do. Shown with OTEL_LOG_LEVEL=debug.',
  },
  {
    code: 'ORG_OTEL_METRICS_CALLBACK',
    level: 'warn',
    says: 'A callback of an observable metric of the application failed or took too long.',
    action: 'Its metric is left out of this interval, all others are sent. The line carries the error.',
  },
  {
    code: 'ORG_OTEL_METRICS_EXPORT',
    level: 'warn',
    says: 'The metrics of one interval could not be collected or handed over.',
    action: 'Totals catch up with the next interval. If it repeats, look at the error in the line.',
  },
  {
    code: 'ORG_OTEL_PROMETHEUS_PORT',
    level: 'warn',
    says: 'The Prometheus exporter cannot listen on its address, most often because another process or worker does.',
    action:
      'The application goes on without a /metrics page of its own. Set OTEL_EXPORTER_PROMETHEUS_PORT (and _HOST).',
  },
  {
    code: 'ORG_OTEL_EXEMPLARS_OFF',
    level: 'warn',
    says: 'Exemplars were asked for, but the library that holds the metrics is not one we know.',
    action: 'Metrics work as without exemplars. The line says which part was not as expected.',
  },
  {
    code: 'ORG_OTEL_INTERNAL',
    level: 'error',
    says: 'Our own code failed. The application is not affected.',
    action: 'Please report it with the line.',
  },
  {
    code: 'ORG_OTEL_SKIPPED',
    level: 'warn',
    says: 'We did not start: another agent or SDK is here already, this runtime is not supported, or the permission model forbids reading our files.',
    action: 'The application runs without us. The line names the reason.',
  },
  {
    code: 'ORG_OTEL_NODE_OLD',
    level: 'warn',
    says: 'This release of Node is older than those we support, and not so old that nothing works.',
    action:
      'We start. What the release cannot do is missing, above all imports of ES modules. Use Node 20.6 or newer.',
  },
  {
    code: 'ORG_OTEL_QUIET',
    level: 'debug',
    says: 'The process is no service: code on the command line, a test run, a development server or one of their workers.',
    action:
      'It is traced, and nothing else is said there. Set OTEL_LOG_LEVEL to hear what is said in services.',
  },
  {
    code: 'ORG_OTEL_PERMISSION',
    level: 'warn',
    says: "Node's permission model (--permission) forbids something that telemetry needs.",
    action: 'The line names what does not work and the flag that allows it. Everything else does.',
  },
  {
    code: 'ORG_OTEL_START_FAILED',
    level: 'error',
    says: 'We failed while starting.',
    action: 'The application runs without telemetry. Please report it with the line.',
  },
  {
    code: 'ORG_OTEL_ALREADY_STARTED',
    level: 'warn',
    says: 'start() was called in a process where we run already.',
    action: 'The first start stays in force, with its settings; its handle is returned.',
  },
  {
    code: 'ORG_OTEL_SECOND_SDK',
    level: 'warn',
    says: 'The application starts an OpenTelemetry SDK of its own (`NodeSDK`, `provider.register()`) while we run.',
    action:
      'Ours stays registered. Remove theirs at the place that the line names, or start this service without our preload; OTEL_SDK_DISABLED=true may switch off both.',
  },
  {
    code: 'ORG_OTEL_API_TAKEN',
    level: 'warn',
    says: 'Another SDK registered itself with the OpenTelemetry API before us.',
    action: 'What it registered stays with it. Remove it, or switch us off with OTEL_SDK_DISABLED=true.',
  },
  {
    code: 'ORG_OTEL_API_NEWER',
    level: 'warn',
    says: 'The application has a copy of `@opentelemetry/api` that is newer than the version we know; such a copy accepts no older SDK.',
    action:
      'Spans, metrics and log records made through that copy are not recorded; everything else is. Update @org/otel, or install the version of the API that the line names.',
  },
  {
    code: 'ORG_OTEL_API_COPY',
    level: 'warn',
    says: 'The application has two copies of `@opentelemetry/api`, and the SDK registered itself through the older one; the newer one, which @org/otel-kafka, @org/otel-logging or @org/otel-exemplars was given, accepts no older SDK.',
    action:
      'These packages find no span, no propagator and no meter. Install one version of the API for both with the command in the line; `npm ls @opentelemetry/api` shows who brought which.',
  },
  {
    code: 'ORG_OTEL_LIBRARY_VERSION',
    level: 'warn',
    says: 'A library was loaded in a version that its instrumentation does not support.',
    action: 'It works as always and is not traced. The line names the supported versions.',
  },
  {
    code: 'ORG_OTEL_LOADED_BEFORE',
    level: 'warn',
    says: 'Libraries were loaded before us and can no longer be instrumented.',
    action:
      'Put `--require @org/otel/register` before all other preloads. With start(), call it in a file of its own and load that first: `node --import ./telemetry.mjs app.mjs`.',
  },
  {
    code: 'ORG_OTEL_PROPAGATION',
    level: 'debug',
    says: 'A carrier of trace context (headers of a request or message) could not be read or written.',
    action: 'The trace starts anew at this point; the request is not affected.',
  },
  {
    code: 'ORG_OTEL_RATIO_FILE',
    level: 'warn',
    says: 'The file named by ORG_OTEL_SAMPLING_RATIO_FILE cannot be read or understood.',
    action: 'The ratio stays as it is. Write `ratio=0.5` or `{"ratio":0.5}` into it.',
  },
  {
    code: 'ORG_OTEL_RATIO_CHANGED',
    level: 'info',
    says: 'The sampling ratio was changed while the process runs, by the watched file.',
    action: 'Nothing to do.',
  },
  {
    code: 'ORG_OTEL_SAMPLER_FAILED',
    level: 'warn',
    says: 'A sampler given to start() threw.',
    action: 'The decision of the parent is followed instead. Correct the sampler.',
  },
  {
    code: 'ORG_OTEL_PROCESSOR_FAILED',
    level: 'warn',
    says: 'A span processor given to start() threw or rejected.',
    action: 'The span goes on to the others and to the exporter. Correct the processor.',
  },
  {
    code: 'ORG_OTEL_SPAN_NAMES',
    level: 'warn',
    says: 'The spans of one instrumentation, or of one tracer of the application, have more different names than ORG_OTEL_MAX_SPAN_NAMES.',
    action:
      'Mostly an id or a text of a user is part of the name. New names of an instrumentation become `<name> (other)`. Put what varies into an attribute, or raise the limit.',
  },
  {
    code: 'ORG_OTEL_HOOK_FAILED',
    level: 'warn',
    says: 'A function among the options of the http or undici instrumentation (`requestHook` and others) threw.',
    action:
      'The request and its span go on without what the function would have added. Correct the function.',
  },
  {
    code: 'ORG_OTEL_ID_GENERATOR',
    level: 'warn',
    says: 'An id generator given to start() threw or returned an id that is not valid.',
    action: 'Our own ids are used. Correct the generator.',
  },
  {
    code: 'ORG_OTEL_LOG_RATE',
    level: 'warn',
    says: 'More log records of a severity were written than are sent per second.',
    action:
      'The records above the limit are not sent; the lines themselves are written. Raise ORG_OTEL_LOG_MAX_PER_SECOND, or log less.',
  },
  {
    code: 'ORG_OTEL_LOG_ELSEWHERE',
    level: 'info',
    says: 'A logger has a transport or stream that sends its lines to OpenTelemetry already.',
    action:
      'We do not send the lines of this logger, so that nothing arrives twice. Remove the transport to change that.',
  },
  {
    code: 'ORG_OTEL_EXPORT_SENT',
    level: 'debug',
    says: 'One request to the collector and its answer.',
    action: 'Nothing to do. Shown with OTEL_LOG_LEVEL=debug.',
  },
  {
    code: 'ORG_OTEL_LIBRARY',
    level: 'debug',
    says: 'One copy of a library that we know, and what became of it: instrumented or not, and why.',
    action: 'Nothing to do. Shown with OTEL_LOG_LEVEL=debug.',
  },
  {
    code: 'ORG_OTEL_CONFIG_FOREIGN',
    level: 'info',
    says: 'Settings of another agent are in the environment. They have no effect on us.',
    action: 'The line names our settings beside theirs. Set ours, and remove theirs once that agent is gone.',
  },
  {
    code: 'ORG_OTEL_EXPORT_UNSENT',
    level: 'warn',
    says: 'The process ended before the collector had confirmed everything.',
    action:
      'The line counts what was not delivered, and apart from it what was sent in full and not answered: that is not sent twice. Look at the collector; where it is only slow, raise ORG_OTEL_EXIT_DEADLINE and ORG_OTEL_EXIT_LAST_WORDS.',
  },
  {
    code: 'ORG_OTEL_OPEN_SPANS',
    level: 'warn',
    says: 'More spans are open than we keep for the end of the process.',
    action:
      'Look for code that starts spans and never ends them. If the process ends now, the newest open spans are sent, and the older ones are counted in ORG_OTEL_EXPORT_UNSENT.',
  },
  {
    code: 'ORG_OTEL_EXPORT_UNREACHABLE',
    level: 'warn',
    says: 'The collector cannot be reached.',
    action:
      'Telemetry is kept, compressed, within ORG_OTEL_BUFFER_BYTES and sent when it answers. Check OTEL_EXPORTER_OTLP_ENDPOINT and the collector.',
  },
  {
    code: 'ORG_OTEL_EXPORT_RETRYING',
    level: 'warn',
    says: 'The collector answers that it cannot take telemetry now.',
    action: 'Telemetry is kept and sent again, as late as the collector asks for.',
  },
  {
    code: 'ORG_OTEL_EXPORT_RECOVERED',
    level: 'info',
    says: 'The collector answers again.',
    action: 'What was kept is being sent; the line says what was dropped meanwhile.',
  },
  {
    code: 'ORG_OTEL_EXPORT_REFUSED',
    level: 'warn',
    says: 'The collector refuses requests in a way that trying again cannot change.',
    action: 'The items are dropped and counted. Check credentials, path and protocol named in the line.',
  },
  {
    code: 'ORG_OTEL_EXPORT_PARTIAL',
    level: 'warn',
    says: 'The collector took a request but refused some of its items.',
    action: 'They are counted as dropped. The line has the reason the collector gave.',
  },
  {
    code: 'ORG_OTEL_EXPORT_TOO_LARGE',
    level: 'warn',
    says: 'A single item is larger than the collector accepts.',
    action: 'It is dropped and counted. Bound values with OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT.',
  },
  {
    code: 'ORG_OTEL_EXPORT_BUFFER_FULL',
    level: 'warn',
    says: 'The collector was away for so long that the buffer is full.',
    action:
      'The oldest telemetry is dropped and counted. Raise ORG_OTEL_BUFFER_BYTES or bring the collector back.',
  },
  {
    code: 'ORG_OTEL_EXPORT_CERTIFICATE',
    level: 'warn',
    says: 'A certificate or key file cannot be read.',
    action: 'Sending goes on without it. Check the path and the permissions.',
  },
] as const satisfies readonly CodeRow[]

export type Code = (typeof codes)[number]['code']
