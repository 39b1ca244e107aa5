// Upstream's amqplib instrumentation. The connection serves everybody, whichever request opened it; what waits for the broker
// (replies, confirmations) belongs to who asked; the options of a message stay the caller's own.
import { AmqplibInstrumentation as Upstream } from '@opentelemetry/instrumentation-amqplib'
import {
  type InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '../loader/instrumentation-base.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { carryTo, runForNobody } from './carry-context.ts'

type Method = (this: unknown, ...args: any[]) => any

// The methods are private, but only in upstream's types.
const Base: any = Upstream

function carryAt(index: number, args: unknown[]): unknown[] {
  if (typeof args[index] === 'function') args[index] = carryTo(args[index] as Method)
  return args
}

export class AmqplibInstrumentation extends Base {
  init(): InstrumentationNodeModuleDefinition {
    const definition: InstrumentationNodeModuleDefinition = super.init()
    definition.files.push(patchReplies(definition.supportedVersions))
    return definition
  }

  getConnectPatch(original: Method): Method {
    const traced: Method = super.getConnectPatch(original)
    return function connect(this: unknown, ...args) {
      const carried = carryAt(2, args)
      return runForNobody(() => traced.apply(this, carried))
    }
  }

  getConfirmedPublishPatch(moduleVersion: string, original: Method): Method {
    const traced: Method = super.getConfirmedPublishPatch(moduleVersion, original)
    return function publish(this: unknown, ...args) {
      return traced.apply(this, carryAt(4, args))
    }
  }

  createPublishSpan(self: unknown, exchange: string, routingKey: string, channel: unknown, options: any) {
    const own = { ...options, headers: { ...options?.headers } }
    return super.createPublishSpan(self, exchange, routingKey, channel, own)
  }
}

/** Every request to the broker passes here; the next one is sent when the one before was answered. */
function patchReplies(versions: string[]): InstrumentationNodeModuleFile {
  let undo: (() => void) | undefined
  return new InstrumentationNodeModuleFile(
    'amqplib/lib/channel.js',
    versions,
    exports => {
      const prototype = exports.Channel?.prototype
      const send: Method | undefined = prototype?.sendOrEnqueue
      if (send === undefined) return exports
      undo = replaceMethod(prototype, 'sendOrEnqueue', function (this: unknown, ...args: unknown[]) {
        return send.apply(this, carryAt(2, args))
      })
      return exports
    },
    () => undo?.(),
  )
}
