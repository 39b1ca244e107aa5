// Enough of Redis for the clients: strings, transactions, publish and subscribe (RESP 2). Answers take a moment.
const net = require('node:net')
const { listen } = require('./lib.cjs')

const bulk = text => (text == null ? '$-1\r\n' : `$${Buffer.byteLength(text)}\r\n${text}\r\n`)
const array = items => `*${items.length}\r\n${items.join('')}`

/** Complete commands at the beginning of `text`, and what is left. ASCII only. */
function parse(text) {
  const commands = []
  for (;;) {
    const head = /^\*(\d+)\r\n/.exec(text)
    if (head === null) return [commands, text]
    let at = head[0].length
    const command = []
    for (let i = 0; i < Number(head[1]); i++) {
      const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20))
      if (size === null) return [commands, text]
      at += size[0].length
      if (text.length < at + Number(size[1]) + 2) return [commands, text]
      command.push(text.slice(at, at + Number(size[1])))
      at += Number(size[1]) + 2
    }
    commands.push(command)
    text = text.slice(at)
  }
}

async function startRedisServer() {
  const values = new Map()
  const sockets = new Set()

  function answer(socket, [name, ...args]) {
    const upper = name.toUpperCase()
    if (socket.queued && upper !== 'EXEC') {
      socket.queued.push([name, ...args])
      return '+QUEUED\r\n'
    }
    switch (upper) {
      case 'GET':
        return bulk(values.get(args[0]))
      case 'SET':
        values.set(args[0], args[1])
        return '+OK\r\n'
      case 'INCR':
        values.set(args[0], String(Number(values.get(args[0]) ?? 0) + 1))
        return `:${values.get(args[0])}\r\n`
      case 'MULTI':
        socket.queued = []
        return '+OK\r\n'
      case 'EXEC': {
        const commands = socket.queued
        socket.queued = undefined
        return array(commands.map(command => answer(socket, command)))
      }
      case 'INFO':
        return bulk('redis_version:7.0.15\r\nloading:0\r\n')
      case 'CLUSTER':
        if (args[0].toUpperCase() === 'INFO') return bulk('cluster_state:ok\r\n')
        return array([
          array([':0\r\n', ':16383\r\n', array([bulk('127.0.0.1'), `:${port}\r\n`, bulk('node')])]),
        ])
      case 'PING':
        return '+PONG\r\n'
      case 'SUBSCRIBE':
        return args
          .map(channel => {
            socket.channels.add(channel)
            return array([bulk('subscribe'), bulk(channel), `:${socket.channels.size}\r\n`])
          })
          .join('')
      case 'UNSUBSCRIBE':
        return args
          .map(channel => {
            socket.channels.delete(channel)
            return array([bulk('unsubscribe'), bulk(channel), `:${socket.channels.size}\r\n`])
          })
          .join('')
      case 'PUBLISH': {
        const subscribers = [...sockets].filter(one => one.channels.has(args[0]))
        for (const one of subscribers) one.write(array([bulk('message'), bulk(args[0]), bulk(args[1])]))
        return `:${subscribers.length}\r\n`
      }
      case 'QUIT':
        setImmediate(() => socket.end())
        return '+OK\r\n'
      case 'HELLO':
        return `-ERR unknown command '${name}'\r\n`
      default:
        return '+OK\r\n'
    }
  }

  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.channels = new Set()
    let rest = ''
    socket.setEncoding('latin1').on('data', chunk => {
      const [commands, left] = parse(rest + chunk)
      rest = left
      if (commands.length > 0)
        setTimeout(() => {
          if (!socket.destroyed) socket.write(commands.map(command => answer(socket, command)).join(''))
        }, 2)
    })
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  const port = await listen(server)
  return {
    url: `redis://127.0.0.1:${port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

module.exports = { startRedisServer }
