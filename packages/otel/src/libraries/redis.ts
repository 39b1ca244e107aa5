// Upstream's node-redis instrumentation, with what it opens for everybody kept out of the span of who opened it: upstream
// runs all of `connect()` in its span, so that every message and event of the connection would belong to it for ever. A task
// that waits for a client of `createClientPool` runs in the context of its caller. A failed command has its code.

import type { Span } from '@opentelemetry/api'
import { RedisInstrumentation as Upstream } from '@opentelemetry/instrumentation-redis'
import {
  type InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '../loader/instrumentation-base.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { carryTo, runForNobody } from './carry-context.ts'
import { recordCode } from './redis-code.ts'

type Method = (this: unknown, ...args: any[]) => any

// The methods are private, but only in upstream's types.
const Base: any = Upstream

export class RedisInstrumentation extends Base {
  constructor(options: Readonly<Record<string, unknown>>) {
    super(options)
    const newer = this.instrumentationV4_V5
    const wrapConnect = newer._getPatchedClientConnect.bind(newer)
    newer._getPatchedClientConnect = () => (original: Method) =>
      wrapConnect()(function connect(this: unknown, ...args: unknown[]) {
        return runForNobody(() => original.apply(this, args))
      })
    const endSpan = newer._endSpanWithResponse.bind(newer)
    newer._endSpanWithResponse = (span: Span, ...rest: unknown[]) => {
      const error = rest[3]
      if (error) recordCode(span, error)
      endSpan(span, ...rest)
    }
  }

  getModuleDefinitions(): InstrumentationNodeModuleDefinition[] {
    const definitions: InstrumentationNodeModuleDefinition[] = super.getModuleDefinitions()
    for (const { name, files } of definitions)
      if (name === '@redis/client') files.push(patchPool(`${name}/dist/lib/client/pool.js`))
    return definitions
  }
}

function patchPool(file: string): InstrumentationNodeModuleFile {
  let undo: (() => void) | undefined
  return new InstrumentationNodeModuleFile(
    file,
    ['^5.0.0', '^6.0.0'],
    exports => {
      const prototype = exports.RedisClientPool?.prototype
      const execute: Method | undefined = prototype?.execute
      if (execute === undefined) return exports
      undo = replaceMethod(prototype, 'execute', function (this: unknown, task: unknown, ...rest: unknown[]) {
        return execute.call(this, typeof task === 'function' ? carryTo(task as Method) : task, ...rest)
      })
      return exports
    },
    () => undo?.(),
  )
}
