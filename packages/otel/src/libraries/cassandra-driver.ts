// Upstream's cassandra-driver instrumentation, with the callbacks it forgets: rows and answers arrive on a connection that
// serves everybody, and belong to the one who asked.
import { type Context, context } from '@opentelemetry/api'
import { CassandraDriverInstrumentation as Upstream } from '@opentelemetry/instrumentation-cassandra-driver'
import {
  type InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '../loader/instrumentation-base.ts'
import { carryTo } from './carry-context.ts'
import { openSocket } from './set-up.ts'

type Method = (this: unknown, ...args: any[]) => any

// The methods are private, but only in upstream's types.
const Base: any = Upstream

/** `args` with its functions running in `caller`. */
function carryAll(args: readonly unknown[], caller: Context): unknown[] {
  return args.map(one => (typeof one === 'function' ? carryTo(one as Method, caller) : one))
}

export class CassandraDriverInstrumentation extends Base {
  init(): InstrumentationNodeModuleDefinition {
    const definition: InstrumentationNodeModuleDefinition = super.init()
    const { supportedVersions, files } = definition
    files.push(
      new InstrumentationNodeModuleFile(
        'cassandra-driver/lib/connection.js',
        supportedVersions,
        Connection => {
          this._wrap(
            Connection.prototype,
            'open',
            (original: Method): Method =>
              function open(...args) {
                const active = context.active()
                return openSocket(active, () => original.apply(this, carryAll(args, active)))
              },
          )
          return Connection
        },
        Connection => this._unwrap(Connection.prototype, 'open'),
      ),
      new InstrumentationNodeModuleFile(
        'cassandra-driver/lib/client.js',
        supportedVersions,
        Client => {
          this._wrap(Client.prototype, 'eachRow', wrapEachRow)
          return Client
        },
        Client => this._unwrap(Client.prototype, 'eachRow'),
      ),
    )
    return definition
  }

  _getPatchedBatch(): (original: Method) => Method {
    return carryCallbacks(super._getPatchedBatch())
  }

  _getPatchedStream(): (original: Method) => Method {
    const wrap = super._getPatchedStream()
    return original => {
      const stream: Method = wrap(original)
      return function (...args) {
        const outer = streaming
        streaming = context.active()
        try {
          return stream.apply(this, args)
        } finally {
          streaming = outer
        }
      }
    }
  }
}

function carryCallbacks(wrap: (original: Method) => Method): (original: Method) => Method {
  return original => {
    const method = wrap(original)
    return function (...args) {
      return method.apply(this, carryAll(args, context.active()))
    }
  }
}

/** Who asked for the stream that is being made of `eachRow`. */
let streaming: Context | undefined

function wrapEachRow(original: Method): Method {
  return function eachRow(...args) {
    return original.apply(this, carryAll(args, streaming ?? context.active()))
  }
}
