// Counts which conformance case is asserted for which client in which mode of activation, from a run of the tests.
// Prints what is missing; exits 1 when anything is, or when a test fails.
//
//   node packages/kafka/scripts/cases.mjs
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const modes = ['preload', 'import', 'both']
/** How the title of a test says which client it is about. */
const clients = {
  KJ: /^(C\d+ )?KJ by|kafkajs in an ES module/,
  CF: /^(C\d+ )?CF by|kafka-javascript in an ES module/,
  'RD of node-rdkafka': /^node-rdkafka by/,
  'RD of confluent': /^@confluentinc\/kafka-javascript by/,
  PL: /@platformatic\/kafka (by|loads)/,
}
const all = Object.keys(clients)
const rd = all.filter(client => client.startsWith('RD'))
const kafkajsStyle = ['KJ', 'CF']
const promises = ['KJ', 'CF', 'PL']

/** From the first case to the last, the clients they are about. */
const cases = [
  [1, 1, all],
  [2, 4, promises],
  [5, 5, kafkajsStyle],
  [6, 6, ['PL']],
  [7, 7, promises],
  [8, 10, all],
  [11, 11, kafkajsStyle],
  [12, 12, ['KJ']],
  [13, 16, all],
  [17, 18, promises],
  [19, 19, ['KJ']],
  [20, 20, ['CF']],
  [21, 22, rd],
  [23, 23, ['PL']],
  [24, 24, ['KJ']],
  // Headers alone: functions without a client, the same however the rest is activated.
  [25, 25, []],
  [26, 29, kafkajsStyle],
  [30, 30, all],
  [31, 35, kafkajsStyle],
  [36, 36, ['KJ']],
  [37, 37, all],
  [38, 38, kafkajsStyle],
  [39, 39, rd],
  [40, 41, ['PL']],
  [42, 42, all],
  [43, 43, ['KJ']],
  [44, 47, kafkajsStyle],
  [48, 48, [...rd, 'PL']],
  [49, 49, ['KJ']],
  [50, 50, kafkajsStyle],
  [51, 52, all],
  // Every case of @platformatic/kafka runs in an ES module without a loader hook.
  [53, 53, kafkajsStyle],
  [54, 54, ['PL']],
  [55, 62, all],
].flatMap(([first, last, about]) =>
  Array.from({ length: last - first + 1 }, (_, i) => [`C${String(first + i).padStart(2, '0')}`, about]),
)

const { passed, failed } = runTests()
const missing = []
let combinations = 0
for (const [id, about] of cases) {
  const titles = passed.filter(title => title.includes(id))
  if (titles.length === 0) missing.push(id)
  for (const client of about) {
    for (const mode of modes) {
      combinations++
      const isAsserted = titles.some(title => clients[client].test(title) && title.includes(`by ${mode}`))
      if (!isAsserted) missing.push(`${id} of ${client} by ${mode}`)
    }
  }
}
console.log(
  `${cases.length} cases, ${combinations} of case, client and mode, asserted by ${passed.length} tests`,
)
for (const one of missing) console.log(`missing: ${one}`)
for (const one of failed) console.log(`failed: ${one}`)
process.exit(missing.length + failed.length === 0 ? 0 : 1)

/** Full titles of the tests that passed and failed. */
function runTests() {
  const directory = mkdtempSync(join(tmpdir(), 'kafka-cases-'))
  try {
    const report = join(directory, 'report.json')
    const jest = createRequire(join(root, 'package.json')).resolve('jest/bin/jest')
    const paths = ['packages/kafka/test/conformance', 'packages/kafka/src']
    const args = [jest, ...paths, '--selectProjects', 'unit', '--json', `--outputFile=${report}`]
    // The development runtime, whatever node started this script: @platformatic/kafka wants a recent one.
    const env = {
      ...process.env,
      PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
      NODE_OPTIONS: '--experimental-vm-modules',
    }
    spawnSync('node', args, { cwd: root, env, stdio: 'ignore' })
    const tests = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap(
      suite => suite.assertionResults,
    )
    const titles = status => tests.filter(test => test.status === status).map(test => test.fullName)
    return { passed: titles('passed'), failed: titles('failed') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
