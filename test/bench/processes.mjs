// Child processes on a core of their own: what is measured on one, load and collectors on another.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

export const measuredCore = 0
export const otherCore = 1
export const pins =
  process.platform === 'linux' && availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

function command(core, file, args) {
  return pins ? ['taskset', ['-c', String(core), file, ...args]] : [file, args]
}

/** Runs a program to its end; what it wrote to file descriptor 3 is its result. */
export function runToEnd(core, file, args, { env, cwd, timeoutMs = 30_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(...command(core, file, args), { env, cwd, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
    const output = ['', '', '', '']
    for (const fd of [1, 2, 3]) child.stdio[fd].on('data', data => (output[fd] += data))
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(timer)
      resolve({ code, stdout: output[1], stderr: output[2], result: output[3] })
    })
  })
}

/** A server under our control: says `{ port }` when it listens, answers `ask(...)`, ends with us. */
export class Service {
  static async start(core, args, { env, cwd, node = process.execPath, timeoutMs = 30_000 } = {}) {
    const service = new Service()
    const [file, rest] = command(core, node, args)
    service.child = spawn(file, rest, { env, cwd, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    service.stderr = ''
    service.child.stderr.on('data', data => (service.stderr = (service.stderr + data).slice(-2000)))
    service.ended = new Promise(resolve => service.child.on('exit', resolve))
    const { port } = await service.answer(timeoutMs)
    service.port = port
    return service
  }

  answer(timeoutMs = 10_000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail('said nothing'), timeoutMs)
      const fail = why => {
        stop()
        reject(new Error(`${this.child.spawnargs.at(-1)} ${why}: ${this.stderr}`))
      }
      const onMessage = message => {
        stop()
        resolve(message)
      }
      const onExit = () => fail('ended')
      const stop = () => {
        clearTimeout(timer)
        this.child.off('message', onMessage)
        this.child.off('exit', onExit)
      }
      this.child.on('message', onMessage)
      this.child.on('exit', onExit)
    })
  }

  ask(what) {
    const answer = this.answer()
    this.child.send(what)
    return answer
  }

  async stop() {
    if (this.child.connected) this.child.disconnect()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 3000)
    await this.ended
    clearTimeout(timer)
  }
}

/** Busy and total jiffies of a core: tells how much of it other processes took. */
export function readCore(core) {
  if (!pins) return undefined
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find(text => text.startsWith(`cpu${core} `))
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number)
  const total = ticks.reduce((sum, value) => sum + value, 0)
  return { total, busy: total - ticks[3] - ticks[4] }
}

export function hasWrk() {
  return spawnSync('wrk', ['-v']).error === undefined
}

/** Closed loop over `paths` from the other core; latencies in milliseconds. */
export async function load(port, paths, { seconds, connections }) {
  const script = new URL('wrk.lua', import.meta.url).pathname
  const args = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '-s',
    script,
    `http://127.0.0.1:${port}/`,
  ]
  const env = { PATH: process.env.PATH, BENCH_PATHS: paths.join(' ') }
  const { stdout, stderr } = await runToEnd(otherCore, 'wrk', args, {
    env,
    timeoutMs: seconds * 1000 + 20_000,
  })
  const line = stdout.split('\n').find(text => text.startsWith('{'))
  if (line === undefined) throw new Error(`wrk: ${stdout}${stderr}`)
  return JSON.parse(line)
}
