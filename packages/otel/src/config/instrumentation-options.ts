// The options that each instrumentation has, so that a misspelt one can be named. Upstream's are compared with the types of
// the installed packages by a test, ours with our own. Only names: what a value may be is the instrumentation's business.
import { findClosest } from './closest.ts'
import { lookUp } from './look-up.ts'

const words = (text: string): readonly string[] => text.split(' ').filter(word => word !== '')

const logging =
  'correlation console preset fields nested baggageKeys requestIdField service gcpProject recordErrors'
const kafka =
  'createSpans parent links batchMessageSpans existingContext propagation captureKey captureQueueTime commitSpans transactionSpans ignoreTopics'

/** Name -> its options. `enabled` is everybody's and in no list. */
const instrumentationOptions: Readonly<Record<string, string>> = {
  // Ours.
  express: 'middlewareSpans requestHandlerSpans ignoreLayers ignoreLayersType requestHook spanNameHook',
  connect: 'middlewareSpans requestHandlerSpans',
  fastify: 'requestHook',
  pg: 'connectSpans keepLiterals ignoreConnectSpans requireParentSpan enhancedDatabaseReporting addSqlCommenterCommentToQueries enableTraceContextPropagation requestHook responseHook connectionHook',
  mysql: 'keepLiterals maskStatement maskStatementHook responseHook enhancedDatabaseReporting',
  mysql2: 'keepLiterals maskStatement maskStatementHook responseHook addSqlCommenterCommentToQueries',
  ioredis: 'requireParentSpan dbStatementSerializer requestHook responseHook',
  http: 'applyCustomAttributesOnSpan disableIncomingRequestInstrumentation disableOutgoingRequestInstrumentation enableSyntheticSourceDetection headersToSpanAttributes ignoreIncomingRequestHook ignoreOutgoingRequestHook redactedQueryParams redactedQueryParamsServer requestHook requireParentforIncomingSpans requireParentforOutgoingSpans responseHook startIncomingSpanHook startOutgoingSpanHook',
  undici:
    'headersToSpanAttributes ignoreRequestHook requestHook requireParentforSpans responseHook startSpanHook',
  kafkajs: kafka,
  'confluent-kafka': kafka,
  'node-rdkafka': kafka,
  'platformatic-kafka': kafka,
  pino: logging,
  winston: logging,
  bunyan: logging,
  console: logging,
  'prom-client': 'intervalMs labels',
  // Upstream's.
  amqplib: 'consumeEndHook consumeHook consumeTimeoutMs publishConfirmHook publishHook useLinksForConsume',
  'aws-lambda':
    'eventContextExtractor lambdaHandler lambdaStartTime requestHook responseHook useGlobalPropagatorForSqsExtraction',
  'aws-sdk':
    'dynamoDBStatementSerializer exceptionHook preRequestHook responseHook sqsExtractContextPropagationFromPayload suppressInternalInstrumentation',
  'cassandra-driver': 'enhancedDatabaseReporting maxQueryLength responseHook',
  cucumber: '',
  dataloader: 'mergeLoads requireParentSpan',
  dns: 'ignoreHostnames',
  fs: 'createHook endHook requireParentSpan',
  'generic-pool': '',
  graphql:
    'allowValues depth flatResolveSpans ignoreResolveSpans ignoreTrivialResolveSpans mergeItems nameServerSpan responseHook',
  grpc: 'ignoreGrpcMethods metadataToSpanAttributes',
  hapi: '',
  'host-metrics': 'metricGroups',
  knex: 'alwaysSpans maxQueryLength requireParentSpan',
  koa: 'ignoreLayersType requestHook',
  'lru-memoizer': '',
  memcached: 'enhancedDatabaseReporting',
  mongodb: 'dbStatementSerializer enhancedDatabaseReporting requireParentSpan responseHook',
  mongoose: 'dbStatementSerializer requireParentSpan responseHook suppressInternalInstrumentation',
  'nestjs-core': '',
  net: '',
  openai: 'captureMessageContent',
  oracledb:
    'dbStatementDump enhancedDatabaseReporting propagateTraceContextToSessionAction requestHook requireParentSpan responseHook',
  redis: 'dbStatementSerializer requireParentSpan responseHook',
  restify: 'requestHook',
  router: '',
  'runtime-node': 'applyCustomExceptionAttributes captureUncaughtException monitoringPrecision',
  'socket.io': 'emitHook emitIgnoreEventList onHook onIgnoreEventList traceReserved',
  tedious: 'enableTraceContextPropagation',
}

/** Name -> options. */
export function listOptions(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(instrumentationOptions).map(([name, text]) => [name, words(text)]))
}

/** How the option is spelt: the environment has no capital letters, so only the letters count. */
export function findOption(instrumentation: string, written: string): string | undefined {
  const lower = written.toLowerCase()
  if (lower === 'enabled') return 'enabled'
  return words(lookUp(instrumentationOptions, instrumentation) ?? '').find(
    option => option.toLowerCase() === lower,
  )
}

/** What is wrong with an option that the instrumentation does not have. */
export function explainOption(instrumentation: string, written: string): string {
  const options = words(lookUp(instrumentationOptions, instrumentation) ?? '')
  const near = findClosest(written, [...options, 'enabled'])
  const hint = near === undefined ? '' : `, did you mean ${near}?`
  return `${instrumentation} has no option ${JSON.stringify(written.slice(0, 60))} and ignores it${hint}`
}
