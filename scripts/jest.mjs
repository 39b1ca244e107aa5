// Runs jest over one set of projects and ends with the line `N passed, N failed` that CI reads.
// A process warning in a test worker fails nothing by itself; a skipped real part counts as failed when CI=true.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { majors, nodePath } from './nodes.mjs'
import { countMissing } from './real-report.mjs'
import { root, toolEnv } from './setup.mjs'

const [set, ...rest] = process.argv.slice(2)
const projects = set === 'real' ? ['real'] : ['unit', 'e2e']
const report = join(mkdtempSync(join(tmpdir(), 'jest-')), 'report.json')
const bin = createRequire(import.meta.url).resolve('jest/bin/jest')
const args = [bin, '--selectProjects', ...projects, '--json', `--outputFile=${report}`, '--testTimeout=60000']
if (set === 'real') args.push('--runInBand')
// Before any clock of a test runs.
else if (rest.length === 0) for (const major of majors) nodePath(major)

const done = spawnSync('node', [...args, ...rest], {
  cwd: root,
  env: toolEnv({ NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' }),
  stdio: ['ignore', 'ignore', 'inherit'],
})
let result
try {
  result = JSON.parse(readFileSync(report, 'utf8'))
} catch {
  process.stdout.write('jest wrote no report; 0 passed, 1 failed\n0 passed, 1 failed\n')
  process.exit(1)
}
let skipped = result.numPendingTests + result.numTodoTests
let failed = result.numFailedTests + result.numRuntimeErrorTestSuites
let excused = 0
if (set === 'real') {
  for (const [what, tests] of countMissing(result)) {
    process.stdout.write(`SKIPPED ${tests} tests: ${what}\n`)
    excused += tests
  }
  skipped += excused
  failed -= excused
}
// A table that came out empty, a condition that was never true: nothing was shown. With arguments it may be what was asked.
if (rest.length === 0) {
  for (const { name, assertionResults } of result.testResults) {
    if (assertionResults.some(({ status }) => status === 'passed' || status === 'failed')) continue
    process.stdout.write(`NO TEST RAN in ${relative(root, name)}\n`)
    failed += 1
  }
}
if (skipped > 0) {
  process.stdout.write(`${skipped} skipped${process.env.CI ? ': a skip is a failure in CI' : ''}\n`)
  if (process.env.CI) failed += skipped
}
process.stdout.write(`${result.numPassedTests} passed, ${failed} failed\n`)
// jest itself ends with 1 for a test that only lacks its toolchain.
process.exit(failed > 0 || (done.status !== 0 && excused === 0) ? 1 : 0)
