// Starts the programs in child processes: plain, under upstream, under ours; on every Node we promise.
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { majors, nodePath } from '../../../../scripts/nodes.mjs'
import type { Run } from './compare.ts'

const run = promisify(execFile)
const here = join(process.cwd(), 'packages/otel/test/http')

export const programs: readonly string[] = readdirSync(join(here, 'programs'))
  .filter(file => !['lib.cjs', 'certificate.cjs'].includes(file))
  .map(file => basename(file, '.cjs'))
  .sort()

/** Every Node we promise to run on. */
export const nodes: readonly { version: string; bin: string }[] = majors.map(major => ({
  version: String(major),
  bin: nodePath(major),
}))

/** A temporary directory with our room bundled as `ours.cjs`; removed by `dispose`. */
export function buildOurs(entry = 'ours.ts'): { preload: string; directory: string; dispose(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'otel-http-'))
  const preload = join(directory, 'ours.cjs')
  // The command, not the library: its service process would keep jest from ending.
  execFileSync(join(process.cwd(), 'node_modules/.bin/esbuild'), [
    join(here, entry),
    `--outfile=${preload}`,
    '--bundle',
    '--platform=node',
    '--target=node20',
    '--format=cjs',
    '--conditions=@org/source',
    '--external:@opentelemetry/api',
    '--log-level=error',
  ])
  return { preload, directory, dispose: () => rmSync(directory, { recursive: true, force: true }) }
}

export const upstreamPreload = join(here, 'upstream.cjs')

const config = {
  probePaths: ['/healthz'],
  captureRequestHeaders: ['x-tenant'],
  captureResponseHeaders: ['x-answer', 'set-cookie'],
}

export const childEnv = {
  PATH: process.env.PATH,
  NODE_PATH: join(process.cwd(), 'packages/otel/node_modules'),
  HTTP_TEST_CONFIG: JSON.stringify(config),
}

let count = 0

/** `preload` undefined: without telemetry. */
export async function runPrograms(
  bin: string,
  preload: string | undefined,
  directory: string,
  names: readonly string[] = programs,
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const out = join(directory, `run-${count++}.json`)
  const files = names.map(name => join(here, 'programs', `${name}.cjs`))
  const { stderr } = await run(bin, [join(here, 'runner.cjs'), preload ?? '-', out, ...files], {
    env: { ...childEnv, ...env },
    timeout: 60_000,
  })
  if (stderr !== '') throw new Error(`unexpected output: ${stderr}`)
  return JSON.parse(readFileSync(out, 'utf8')) as Run
}

/** Runs a piece of CommonJS with a preload; what it printed, and how it ended. */
export async function runScript(
  bin: string,
  preload: string | undefined,
  source: string,
  env: Record<string, string> = {},
  flags: readonly string[] = [],
): Promise<{ stdout: string; stderr: string; code: number }> {
  const args = [...flags, ...(preload === undefined ? [] : ['--require', preload]), '-e', source]
  try {
    const { stdout, stderr } = await run(bin, args, {
      env: { ...childEnv, ...env },
      timeout: 60_000,
      cwd: here,
    })
    return { stdout, stderr, code: 0 }
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number }
    return { stdout, stderr, code }
  }
}
