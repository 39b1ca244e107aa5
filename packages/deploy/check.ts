// Says what is wrong with a copy of this folder before a cluster does:
//
//   npm run deploy:check -- [folder ...] [--collector <program>] [--json]
//
// Collector configurations, manifests, kustomize overlays (with kubectl on the PATH) and Compose files, offline. With
// --collector, the Collector itself validates its configurations. Ends with 1 when there is an error.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { isCollectorConfig } from './src/check/collector.ts'
import { type Finding, renderFinding } from './src/check/finding.ts'
import { checkFolder } from './src/check/folder.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { collector: { type: 'string' }, json: { type: 'boolean', default: false } },
})
const homes = positionals.length > 0 ? positionals.map(path => resolve(path)) : [import.meta.dirname]

/** Enough for `validate`: what the manifests would set. */
const stand = {
  K8S_NODE_NAME: 'any',
  REDACTION_KEY: 'any key of at least 32 bytes will do here',
  QUEUE_DIRECTORY: join(tmpdir(), 'otelcol-validate'),
}

function validateWith(program: string, home: string): Finding[] {
  return globSync('**/*.{yaml,yml}', { cwd: home, exclude: path => String(path).includes('node_modules') })
    .filter(file => {
      const text = readFileSync(join(home, file), 'utf8')
      return text.includes('pipelines:') && isCollectorConfig(parse(text, { merge: true }))
    })
    .flatMap(file => {
      const done = spawnSync(program, ['validate', '--config', join(home, file)], {
        env: { ...stand, ...process.env },
        encoding: 'utf8',
      })
      if (done.status === 0) return []
      const problem = (done.error?.message ?? done.stderr).trim()
      return [{ level: 'error' as const, file, where: 'validate', problem, fix: `Said by ${program}.` }]
    })
}

/** A wrong path must not read like a clean bill. */
function nothingIn(home: string): Finding {
  return {
    level: 'error',
    file: home,
    where: 'folder',
    problem: existsSync(home) ? 'holds no file that this check knows' : 'does not exist',
    fix: 'Give the folder of your copy: the one with collector, kubernetes or compose in it.',
  }
}

async function checkOne(home: string): Promise<void> {
  const { findings, checked } = await checkFolder(home)
  const all = [
    ...(Object.values(checked).every(count => count === 0) ? [nothingIn(home)] : []),
    ...findings,
    ...(values.collector === undefined ? [] : validateWith(values.collector, home)),
  ]
  const errors = all.filter(finding => finding.level === 'error').length
  if (errors > 0) process.exitCode = 1
  if (values.json) return void process.stdout.write(`${JSON.stringify({ findings: all, checked })}\n`)
  for (const finding of all) process.stdout.write(renderFinding(finding))
  process.stdout.write(
    `${home}: ${checked.collector} Collector configurations, ${checked.manifest} manifests, ${checked.overlay} overlays, ` +
      `${checked.compose} Compose files: ${errors} errors, ${all.length - errors} warnings\n`,
  )
  if (checked.overlay === 0)
    process.stdout.write('No overlays were built: there are none here, or no kubectl.\n')
}

for (const home of homes) await checkOne(home)
