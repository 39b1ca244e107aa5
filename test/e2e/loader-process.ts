// Runs small programs under the bundled guard and hooks, in real Node processes.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const apps = join(__dirname, '../apps/loader')
const folders: string[] = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'org-otel-loader-'))
  folders.push(folder)
  return folder
}

/** The real guard, hooks and chunks around `packages/otel/test/loader/<start>.ts`; returns the path of register.cjs. */
export function bundle(start: 'start' | 'hooks-start'): string {
  const dist = join(makeFolder(), 'node_modules/@org/otel/dist')
  mkdirSync(dist, { recursive: true })
  const done = spawnSync(process.execPath, [join(apps, 'bundle.mjs'), start, dist], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`bundling ${start} failed: ${done.stderr}`)
  return join(dist, 'register.cjs')
}

/** Writes files (path -> text, or object for JSON) below a new folder and returns it. */
export function writeTree(files: Record<string, string | object>): string {
  const folder = makeFolder()
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return folder
}

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
  /** What the start wrote at exit; undefined when it was not started. */
  report: any
}

/** Runs `node <args>` to its end. */
export function run(
  node: string,
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Ran> {
  const reportFile = join(makeFolder(), 'report.json')
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, {
      cwd: options.cwd ?? apps,
      env: { PATH: process.env.PATH, TEST_REPORT: reportFile, ...options.env },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', data => {
      stdout += data
    })
    child.stderr.on('data', data => {
      stderr += data
    })
    child.on('error', reject)
    child.on('close', code => {
      let report: any
      try {
        report = JSON.parse(readFileSync(reportFile, 'utf8'))
      } catch {
        // Not started, so nothing was written.
      }
      resolve({ code, stdout, stderr, report })
    })
  })
}

/** A Node binary of the given line or exact release (scripts/nodes.mjs; the first use may fetch it). */
export function node(version: number | string): string {
  const script = join(__dirname, '../../scripts/nodes.mjs')
  const code = `import(${JSON.stringify(script)}).then(m => process.stdout.write(m.nodePath(${JSON.stringify(version)})))`
  const done = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(done.stderr)
  return done.stdout
}

export function app(file: string): string {
  return join(apps, file)
}
