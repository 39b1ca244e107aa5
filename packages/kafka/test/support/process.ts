// Runs a program of test/apps in a real Node, with the instrumentation activated the way a mode says.
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import type { Mode } from './drivers.ts'

export interface Result {
  readonly name: string
  readonly error?: string
}

const apps = join(__dirname, '..', 'apps')
const directory = mkdtempSync(join(tmpdir(), 'otel-kafka-'))

/** Two copies of the package besides its sources: the preload's own, and a CommonJS one for applications. */
function bundle(entry: string, name: string): string {
  const outfile = join(directory, name)
  buildSync({
    entryPoints: [join(__dirname, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    conditions: ['@org/source'],
    logLevel: 'error',
  })
  return outfile
}

let bundles: { preload: string; commonjs: string } | undefined

/** A path in the directory that `removeBundles` removes. */
export function temporaryFile(name: string): string {
  return join(directory, name)
}

export function removeBundles(): void {
  rmSync(directory, { recursive: true, force: true })
}

export interface RunOptions {
  readonly env?: Record<string, string>
  readonly execArgv?: readonly string[]
  readonly node?: string
}

/** `runProgram` for one of test/apps. */
export function runApp(file: string, mode: Mode, options: RunOptions = {}): Promise<Result[]> {
  return runProgram(join(apps, file), mode, options)
}

/** Everything the program reports by `process.send`, in order. Rejects when it exits with anything but 0. */
export function runProgram(file: string, mode: Mode, options: RunOptions = {}): Promise<Result[]> {
  bundles ??= {
    preload: bundle('preload.ts', 'preload.cjs'),
    commonjs: bundle('../../src/index.ts', 'package.cjs'),
  }
  const { preload, commonjs } = bundles
  const imports = mode === 'import' || mode === 'both'
  return new Promise((resolve, reject) => {
    const child = fork(file, {
      execPath: options.node ?? process.execPath,
      execArgv: [
        '--conditions=@org/source',
        '--disable-warning=ExperimentalWarning',
        '--require',
        preload,
        ...(options.execArgv ?? []),
      ],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        TEST_PRELOAD: mode === 'preload' || mode === 'both' ? '1' : '0',
        TEST_IMPORT: imports ? '1' : '0',
        TEST_COMMONJS_COPY: commonjs,
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const results: Result[] = []
    let stderr = ''
    child.on('message', message => results.push(message as Result))
    child.stderr!.on('data', chunk => (stderr += chunk))
    const timer = setTimeout(() => child.kill('SIGKILL'), 45_000)
    child.on('error', reject)
    child.on('exit', code => {
      clearTimeout(timer)
      if (code === 0) resolve(results)
      else reject(new Error(`${file} exited with ${code}\n${stderr}`))
    })
  })
}

/** Names of the cases in a program, so that each of them is a test of its own. */
export function caseNames(file: string): string[] {
  const source = readFileSync(join(apps, file), 'utf8')
  return [...source.matchAll(/^\s*check\(\s*(['"`])(.*?)\1/gm)].map(match => match[2]!)
}
