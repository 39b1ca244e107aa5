// The suites: each gives `{ peer: [one row per round] }`, the peers taking turns within a round.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { environmentOf } from './peers.mjs'
import { load, measuredCore, otherCore, pins, readCore, runToEnd, Service } from './processes.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))

async function inTurns(peers, rounds, name, measure) {
  const rows = Object.fromEntries(peers.map(peer => [peer, []]))
  for (let round = 0; round < rounds; round++) {
    // Nobody is always first after the other.
    const order = peers.map((_, i) => peers[(i + round) % peers.length])
    for (const peer of round % 2 === 0 ? order : order.toReversed()) {
      process.stderr.write(`\r[bench] ${name} ${round + 1}/${rounds} ${peer}\u001b[K`)
      rows[peer].push(await measure(peer))
    }
  }
  process.stderr.write('\r\u001b[K')
  return rows
}

async function withSink(work) {
  const sink = await Service.start(otherCore, [join(here, 'sink.mjs')])
  try {
    return await work(sink)
  } finally {
    await sink.stop()
  }
}

/** Milliseconds and CPU until the first line of the program (`deps`: until its libraries are loaded), memory there. */
export function measureStartup(file, { peers, rounds, apps }) {
  const esm = file.endsWith('.mjs')
  return withSink(sink => {
    const start = async peer => {
      const env = environmentOf(peer, { esm, sink: sink.port })
      const done = await runToEnd(measuredCore, process.execPath, [join(apps, file)], { env, cwd: apps })
      if (done.code !== 0) throw new Error(`${file} under ${peer} ended with ${done.code}: ${done.stderr}`)
      return JSON.parse(done.result)
    }
    return Promise.all(peers.map(start)).then(() => inTurns(peers, rounds, file, start))
  })
}

/** CPU per request, throughput, latency and memory of a server under a closed loop. `node`: the binary that runs it. */
export function measureService(app, { peers, rounds, apps, seconds, connections, sampling, node }) {
  return withSink(async sink => {
    const others = []
    const surroundings = {}
    let paths = ['/', '/a', '/b?x=1']
    try {
      if (app === 'service') {
        paths = ['/users/17', '/orders/42/items', '/products/9']
        const downstream = await Service.start(otherCore, [join(apps, 'downstream.cjs')])
        others.push(downstream)
        const database = await Service.start(otherCore, [join(here, 'postgres.mjs')])
        others.push(database)
        surroundings.DOWNSTREAM_PORT = String(downstream.port)
        surroundings.PG_PORT = String(database.port)
      }
      return await inTurns(peers, rounds, `${app} ${sampling}%`, async peer => {
        const env = { ...environmentOf(peer, { sampling, sink: sink.port }), ...surroundings }
        const service = await Service.start(measuredCore, [join(apps, `${app}.cjs`)], {
          env,
          cwd: apps,
          node,
        })
        try {
          await warmUp(app, service, paths, connections)
          return await loadOnce(service, paths, { seconds, connections })
        } finally {
          await service.stop()
        }
      })
    } finally {
      for (const other of others) await other.stop()
    }
  })
}

/** Requests until the compiler has seen enough; on a busy machine no number of seconds would do. */
const warmRequests = { http: 40_000, service: 4000 }
const maxWarmTurns = 10

async function warmUp(app, service, paths, connections) {
  for (let turn = 0; turn < maxWarmTurns; turn++) {
    await load(service.port, paths, { seconds: 1, connections })
    if ((await service.ask('mark')).requests >= warmRequests[app]) return
  }
}

async function loadOnce(service, paths, { seconds, connections }) {
  const core = readCore(measuredCore)
  const before = await service.ask('mark')
  const { perSecond, failed, p50, p99 } = await load(service.port, paths, { seconds, connections })
  const after = await service.ask('mark')
  const requests = after.requests - before.requests
  if (failed > 0 || after.failed > 0) throw new Error(`${failed + after.failed} requests failed`)
  const cpuUs = after.cpuUs - before.cpuUs
  return {
    cpuUs: cpuUs / requests,
    perSecond,
    p50,
    p99,
    rssMb: after.rssMb,
    foreign: pins ? readForeign(core, cpuUs / 1e3 / (after.ms - before.ms)) : 0,
  }
}

/** Share of the core that other processes took meanwhile. */
function readForeign(before, own) {
  const now = readCore(measuredCore)
  return Math.max(0, (now.busy - before.busy) / (now.total - before.total) - own)
}

const byHand = {
  export: [['packages/otel/test/export/bench.mjs']],
  kafka: [['packages/kafka/bench/compare.mjs']],
  logs: [['packages/logging/bench/line.mjs']],
  metrics: [
    ['--conditions=@org/source', 'packages/exemplars/bench/observe.mjs'],
    ['--conditions=@org/source', 'packages/exemplars/bench/record.mjs'],
  ],
}
export const printingSuites = Object.keys(byHand)

/** The benchmarks that live beside what they measure: they compare within one process and print their own lines. */
export async function runByHand(suite) {
  const root = join(here, '../..')
  const printed = []
  for (const args of byHand[suite]) {
    process.stderr.write(`\r[bench] ${args.at(-1)}\u001b[K`)
    const env = { ...process.env, NODE_OPTIONS: '' }
    const done = await runToEnd(measuredCore, process.execPath, args, { env, cwd: root, timeoutMs: 600_000 })
    // They end with 1 when an aim is missed: that is a result, not a failure.
    if (done.stdout.trim() === '') throw new Error(`${args.at(-1)}: ${done.stderr}`)
    printed.push(`$ node ${args.join(' ')}\n${done.stdout.trimEnd()}`)
  }
  process.stderr.write('\r\u001b[K')
  return printed.join('\n\n')
}
