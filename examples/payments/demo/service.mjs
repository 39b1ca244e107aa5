// One child process: started, listened to line by line, stopped.
import { spawn } from 'node:child_process'

const startTimeoutMs = 30_000
const keptErrorLines = 200

/**
 * Starts a program and resolves when it prints `listening <port>` or `ready` on stdout.
 * `onLine` gets every other line of stdout.
 */
export function startService({ name, file, cwd, env, onLine }) {
  const child = spawn(process.execPath, [file], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const errors = []
  const ended = new Promise(resolve => {
    child.on('error', error => {
      errors.push(error.message)
      resolve({ code: null, signal: null })
    })
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  const service = {
    name,
    errors,
    ended,
    port: undefined,
    url: undefined,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      const exit = await ended
      clearTimeout(timer)
      return exit
    },
  }
  eachLine(child.stderr, line => {
    errors.push(line)
    if (errors.length > keptErrorLines) errors.shift()
  })
  return new Promise((resolve, reject) => {
    const fail = what => {
      clearTimeout(timer)
      reject(new Error(`${name} ${what}\n${errors.join('\n')}`))
    }
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`was not ready after ${startTimeoutMs / 1000} s`)
    }, startTimeoutMs)
    ended.then(({ code, signal }) => fail(`ended at start (${signal ?? code})`))
    eachLine(child.stdout, line => {
      const port = /^listening (\d+)$/.exec(line)?.[1]
      if (port === undefined && line !== 'ready') return onLine?.(line)
      clearTimeout(timer)
      if (port !== undefined) {
        service.port = Number(port)
        service.url = `http://127.0.0.1:${port}`
      }
      resolve(service)
    })
  })
}

function eachLine(stream, onLine) {
  let rest = ''
  stream.setEncoding('utf8').on('data', chunk => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) if (line !== '') onLine(line)
  })
  stream.on('end', () => {
    if (rest !== '') onLine(rest)
  })
}
