// A real part is a process of its own on loopback with ports nobody else has. It ends when the test ends, and only
// processes started here are ended.
import { type ChildProcess, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'

export interface Part {
  readonly pid: number
  output(): string
  stop(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Polls a condition that the outside world fulfils; throws with what was waited for. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: last })
    await pause(50)
  }
}

export async function startPart(
  name: string,
  command: string,
  args: readonly string[],
  options: {
    cwd?: string
    env?: NodeJS.ProcessEnv
    port?: number
    uid?: number
    gid?: number
    readyMs?: number
  },
): Promise<Part> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid !== undefined && { uid: options.uid }),
    ...(options.gid !== undefined && { gid: options.gid }),
  })
  running.add(child)
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-200_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  let ended = false
  const exited = new Promise<void>(resolve => {
    const end = () => {
      ended = true
      running.delete(child)
      resolve()
    }
    child.once('exit', end)
    child.once('error', error => {
      output += String(error)
      end()
    })
  })
  const { port } = options
  if (port !== undefined) {
    await until(
      `${name} on port ${port}`,
      async () => {
        if (ended) throw new Error(`${name} ended:\n${output.slice(-2000)}`)
        return accepts(port)
      },
      options.readyMs ?? 60_000,
    ).catch(error => {
      child.kill('SIGKILL')
      throw new Error(`${name} did not start:\n${output.slice(-2000)}`, { cause: error })
    })
  }
  return {
    pid: child.pid ?? -1,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      if (ended) return
      child.kill(signal)
      const force = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await exited
      clearTimeout(force)
    },
  }
}
