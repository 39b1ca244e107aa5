// How a program can end. Each way is what a service does; nothing here knows of telemetry except the spans it makes.
const { createServer } = require('node:http')

const ready = () => process.stdout.write('ready\n')
const stay = () => setInterval(() => {}, 1000)
const work = () => globalThis.addSpans?.(20)

const ways = {
  natural: () => work(),
  'natural-later': () => setTimeout(work, 100),
  exit3: () => {
    work()
    process.exit(3)
  },
  'exit-code': () => {
    work()
    process.exitCode = 5
  },
  throw: () => {
    work()
    throw new Error('on purpose')
  },
  rejection: () => {
    work()
    Promise.reject(new Error('on purpose'))
  },
  idle: () => {
    work()
    stay()
    ready()
  },
  drain: () => {
    work()
    stay()
    process.on('SIGTERM', () => setTimeout(() => process.exit(7), 300))
    process.on('SIGINT', () => setTimeout(() => process.exit(7), 300))
    ready()
  },
  close: () => {
    work()
    const server = createServer().listen(0, '127.0.0.1', ready)
    process.once('SIGTERM', () => server.close())
    process.once('SIGINT', () => server.close())
  },
  // What signal-exit does: if nobody else listens, clean up and raise the signal again.
  'signal-exit': () => {
    work()
    stay()
    for (const signal of ['SIGTERM', 'SIGINT']) {
      const listener = () => {
        if (process.listeners(signal).length !== 1) return
        process.removeListener(signal, listener)
        process.kill(process.pid, signal)
      }
      process.on(signal, listener)
    }
    ready()
  },
  'remove-all': () => {
    work()
    stay()
    process.removeAllListeners('SIGTERM')
    process.removeAllListeners('SIGINT')
    ready()
  },
  // A handler that comes and goes must leave the default behind.
  'handler-gone': () => {
    work()
    stay()
    const listener = () => process.exit(9)
    process.on('SIGTERM', listener)
    process.on('SIGINT', listener)
    setTimeout(() => {
      process.off('SIGTERM', listener)
      process.off('SIGINT', listener)
      setTimeout(ready, 20)
    }, 20)
  },
  // A batch is on its way when the end comes.
  'in-flight': () => {
    globalThis.addSpans(512)
    stay()
    process.on('SIGTERM', () => process.exit(0))
    ready()
  },
  'last-in-exit': () => {
    process.on('exit', () => work())
  },
  'before-exit-work': () => {
    let once = false
    process.on('beforeExit', () => {
      if (once) return
      once = true
      setTimeout(work, 50)
    })
  },
}
ways[process.argv[2]]()
