// The figures we promise (docs/overhead.md), each a share computed round by round, with its aim.
import { addedShare, summarize } from './statistics.mjs'

const share = (key, against) => of => addedShare(of('ours', key), of(against, key), of('bare', key))
const toBare = key => of => of('ours', key).map((value, i) => value / of('bare', key)[i])
const overBare = key => of => of('ours', key).map((value, i) => value - of('bare', key)[i])

/** `at most` unless `atLeast`. */
export const figures = [
  {
    suite: 'startup-hello',
    what: 'hello world: time added before its first line',
    of: "upstream's",
    aim: 0.07,
    values: share('ms', 'upstream'),
  },
  {
    suite: 'startup-hello',
    what: 'hello world: time added before its first line',
    of: "dd-trace's",
    aim: 0.15,
    values: share('ms', 'dd-trace'),
  },
  { suite: 'startup-hello', what: 'hello world: memory added', of: 'MB', aim: 10, values: overBare('rssMb') },
  {
    suite: 'startup-hello-esm',
    what: 'hello world, ES modules: time added',
    of: "upstream's",
    aim: 0.07,
    values: share('ms', 'upstream'),
  },
  {
    suite: 'startup-hello-esm',
    what: 'hello world, ES modules: time added',
    of: "dd-trace's",
    aim: 0.15,
    values: share('ms', 'dd-trace'),
  },
  {
    suite: 'startup-deps',
    what: 'five libraries: time added until loaded',
    of: "upstream's",
    aim: 0.15,
    values: share('ms', 'upstream'),
  },
  {
    suite: 'startup-deps',
    what: 'five libraries: time added until loaded',
    of: "dd-trace's",
    aim: 0.25,
    values: share('ms', 'dd-trace'),
  },
  {
    suite: 'http-100',
    what: '`node:http`: CPU added per request',
    of: "upstream's",
    aim: 0.15,
    values: share('cpuUs', 'upstream'),
  },
  {
    suite: 'http-100',
    what: '`node:http`: CPU added per request',
    of: "dd-trace's",
    aim: 0.22,
    values: share('cpuUs', 'dd-trace'),
  },
  {
    suite: 'http-100',
    what: '`node:http`: requests per second',
    of: "bare's",
    aim: 0.8,
    atLeast: true,
    values: toBare('perSecond'),
  },
  { suite: 'http-100', what: '`node:http`: p99 latency', of: "bare's", aim: 1.3, values: toBare('p99') },
  {
    suite: 'http-100',
    what: '`node:http`: memory under load, added',
    of: 'MB',
    aim: 25,
    values: overBare('rssMb'),
  },
  {
    suite: 'http-10',
    what: '`node:http`, 10% sampled: CPU added per request',
    of: "upstream's",
    aim: 0.15,
    values: share('cpuUs', 'upstream'),
  },
  {
    suite: 'service-100',
    what: 'Express, fetch, pg, pino: CPU added per request',
    of: "upstream's",
    aim: 0.25,
    values: share('cpuUs', 'upstream'),
  },
  {
    suite: 'service-100',
    what: 'Express, fetch, pg, pino: CPU added per request',
    of: "dd-trace's",
    aim: 0.3,
    values: share('cpuUs', 'dd-trace'),
  },
  {
    suite: 'service-100',
    what: 'Express, fetch, pg, pino: requests per second',
    of: "bare's",
    aim: 0.6,
    atLeast: true,
    values: toBare('perSecond'),
  },
]

/** The figures that a run has the numbers for. */
export function readFigures(suites) {
  const known = []
  for (const { suite, values, ...figure } of figures) {
    const data = suites[suite]
    if (data === undefined) continue
    try {
      const summary = summarize(values((peer, key) => data[peer].map(round => round[key])))
      const reached = figure.atLeast ? summary.median >= figure.aim : summary.median <= figure.aim
      known.push({ ...figure, ...summary, reached })
    } catch {
      // A peer was left out of this run.
    }
  }
  return known
}

/**
 * The http suite on each Node, from `{ version: rows of the peers }`: what a request costs, what is added, and ours as a
 * share of upstream's. A line of Node on which the compiler gives up on our code shows here before anybody notices.
 */
export function readMajors(majors = {}) {
  return Object.keys(majors)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map(version => {
      const of = peer => majors[version][peer]?.map(row => row.cpuUs) ?? []
      const bare = of('bare')
      const added = peer => summarize(of(peer).map((value, i) => value - bare[i]))
      return {
        version,
        bare: summarize(bare),
        upstream: summarize(of('upstream')),
        ours: summarize(of('ours')),
        addedByUpstream: added('upstream'),
        addedByOurs: added('ours'),
        share: summarize(addedShare(of('ours'), of('upstream'), bare)),
      }
    })
}
