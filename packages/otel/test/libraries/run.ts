// Starts the programs of this room in child processes, with a PostgreSQL for those that want one.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import type { Run } from '../http/compare.ts'
import { childEnv } from '../http/run.ts'

const run = promisify(execFile)
export const here = join(process.cwd(), 'packages/otel/test/libraries')

export const programs: readonly string[] = readdirSync(join(here, 'programs'))
  .map(file => basename(file, '.cjs'))
  // Those without a number are what the numbered ones share; one is for a test of its own.
  .filter(name => !/^(lib|express-.*|ioredis-.*|pg-comments)$/.test(name))
  .sort()

export const upstreamPreload = join(here, 'upstream.cjs')

export interface Service {
  port: number
  stop(): void
}

async function startService(command: string, args: readonly string[], ready: RegExp): Promise<Service> {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    text += chunk
    const match = ready.exec(text)
    if (match !== null) return { port: Number(match[1]), stop: () => child.kill() }
  }
  throw new Error(`${command} did not start: ${text}`)
}

export async function startPostgres(): Promise<Service> {
  return startService(process.execPath, [join(here, 'postgres.mjs')], /^(\d+)$/m)
}

let count = 0

/** `preload` undefined: without telemetry. */
export async function runPrograms(
  bin: string,
  preload: string | undefined,
  directory: string,
  env: Record<string, string>,
  names: readonly string[],
  flags: readonly string[] = [],
): Promise<Run> {
  const out = join(directory, `run-${count++}.json`)
  const files = names.map(name => join(here, 'programs', `${name}.cjs`))
  const runner = join(here, '../http/runner.cjs')
  const { stderr } = await run(bin, [...flags, runner, preload ?? '-', out, ...files], {
    env: {
      ...childEnv,
      NODE_PATH: `${childEnv.NODE_PATH}:${join(process.cwd(), 'test/node_modules')}`,
      ...env,
    },
    timeout: 60_000,
  })
  if (stderr !== '') throw new Error(`unexpected output: ${stderr}`)
  return JSON.parse(readFileSync(out, 'utf8')) as Run
}
