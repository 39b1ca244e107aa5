// npm run bench: what telemetry costs, ours beside upstream's and Datadog's. See docs/overhead.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodePath, nodeVersions } from '../../scripts/nodes.mjs'
import { baseline, peerNames, preparePeers } from './peers.mjs'
import { hasWrk, pins } from './processes.mjs'
import { renderPage, renderRun } from './report.mjs'
import { measureService, measureStartup, printingSuites, runByHand } from './suites.mjs'

const starts = {
  'startup-hello': 'hello.cjs',
  'startup-hello-esm': 'hello-esm.mjs',
  'startup-deps': 'deps.cjs',
}
const services = {
  'http-100': { app: 'http', sampling: 100 },
  'http-10': { app: 'http', sampling: 10 },
  'service-100': { app: 'service', sampling: 100 },
}
const groups = {
  startup: Object.keys(starts),
  http: ['http-100', 'http-10'],
  service: ['service-100'],
  ...Object.fromEntries(printingSuites.map(name => [name, [name]])),
}

const help = `npm run bench -- [options]

  --suite a,b       ${Object.keys(groups).join(', ')}; all by default
  --node 20,22      http-100 once more under each of these Nodes (${Object.keys(nodeVersions).join(',')}); alone, unless --suite is given
  --peers a,b       ${peerNames.join(', ')}; all by default
  --rounds n        rounds of every suite (9; --quick 3)
  --seconds n       seconds of load in each round (3; --quick 1)
  --connections n   of the load (16)
  --quick           small numbers: the order of magnitude in some minutes
  --out file        writes the run as JSON
  --from file       reads a run instead of measuring; may be repeated, later ones replace suites of earlier ones
  --docs            writes docs/overhead.md from the run
`

const { values } = parseArgs({
  options: {
    suite: { type: 'string' },
    node: { type: 'string', default: '' },
    peers: { type: 'string', default: peerNames.join(',') },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string', default: '16' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    from: { type: 'string', multiple: true },
    docs: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(help)
else {
  const run = values.from === undefined ? await measure() : readRuns(values.from)
  process.stdout.write(`${renderRun(run)}\n`)
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(run)}\n`)
  if (values.docs) {
    const remarks = readFileSync(new URL('remarks.md', import.meta.url), 'utf8')
    writeFileSync(fileURLToPath(new URL('../../docs/overhead.md', import.meta.url)), renderPage(run, remarks))
  }
}

async function measure() {
  const nodes = values.node.split(',').filter(Boolean)
  const wanted = values.suite?.split(',') ?? (nodes.length > 0 ? [] : Object.keys(groups))
  const names = wanted.flatMap(name => {
    if (groups[name] === undefined)
      throw new Error(`there is no suite ${name}; ${Object.keys(groups).join(', ')}`)
    return groups[name]
  })
  const peers = values.peers.split(',')
  if (!peers.includes(baseline)) peers.unshift(baseline)
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 9))
  const seconds = Number(values.seconds ?? (values.quick ? 1 : 3))
  const connections = Number(values.connections)
  const { apps, versions } = preparePeers(peers)
  if (!pins)
    process.stderr.write('[bench] no taskset or one core only: programs and load disturb each other\n')

  const suites = {}
  const printed = {}
  for (const name of names) {
    if (name in starts) suites[name] = await measureStartup(starts[name], { peers, rounds, apps })
    else if (!(name in services)) printed[name] = await runByHand(name)
    else if (hasWrk())
      suites[name] = await measureService(services[name].app, {
        ...services[name],
        peers,
        rounds,
        seconds,
        connections,
        apps,
      })
    else
      process.stderr.write(
        `[bench] ${name} is left out: it needs wrk (apt-get install wrk, brew install wrk)\n`,
      )
  }
  const majors = {}
  for (const wanted of nodes) {
    if (!hasWrk()) throw new Error('--node needs wrk (apt-get install wrk, brew install wrk)')
    const node = nodePath(wanted)
    const load = { ...services['http-100'], peers, rounds, seconds, connections, apps, node }
    majors[nodeVersions[wanted] ?? wanted] = await measureService('http', load)
  }
  const meta = {
    date: new Date().toISOString(),
    node: process.versions.node,
    cpu: cpus()[0].model,
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    rounds,
    seconds,
    connections,
    versions,
  }
  return { meta, suites, majors, printed }
}

function readRuns(files) {
  const runs = files.map(file => JSON.parse(readFileSync(file, 'utf8')))
  return {
    meta: { ...runs.at(-1).meta, versions: Object.assign({}, ...runs.map(run => run.meta.versions)) },
    suites: Object.assign({}, ...runs.map(run => run.suites)),
    majors: Object.assign({}, ...runs.map(run => run.majors)),
    printed: Object.assign({}, ...runs.map(run => run.printed)),
  }
}
