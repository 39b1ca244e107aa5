export { type Fault, type Receiver, type ReceiverOptions, startReceiver } from './index.ts'
export { type App, type AppOptions, type Exit, runApp } from './testing/app.ts'
export {
  type ExpectOptions,
  expectExemplar,
  expectLinked,
  expectLog,
  expectNoTrace,
  expectTrace,
  type LogMatcher,
  type MatchedTrace,
} from './testing/expect.ts'
export type { SpanMatcher } from './testing/matcher.ts'
