// memcached: one connection per server, opened by the first request.
const net = require('node:net')
const Memcached = require('memcached')
const { listen, mark, serve } = require('./lib.cjs')

/** Enough of memcached's text protocol for `set` and `get`. */
async function startOwn() {
  const values = new Map()
  const sockets = new Set()
  const server = net.createServer(socket => {
    sockets.add(socket)
    let text = ''
    socket.setEncoding('latin1').on('data', chunk => {
      text += chunk
      let answer = ''
      for (;;) {
        const line = /^([^\r]*)\r\n/.exec(text)
        if (line === null) break
        const [name, key, , , size] = line[1].split(' ')
        if (name === 'set') {
          const end = line[0].length + Number(size)
          if (text.length < end + 2) break
          values.set(key, text.slice(line[0].length, end))
          text = text.slice(end + 2)
          answer += 'STORED\r\n'
          continue
        }
        text = text.slice(line[0].length)
        const value = values.get(key)
        answer += value === undefined ? 'END\r\n' : `VALUE ${key} 0 ${value.length}\r\n${value}\r\nEND\r\n`
      }
      if (answer !== '') setTimeout(() => socket.write(answer), 2)
    })
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  return {
    address: `127.0.0.1:${await listen(server)}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function main() {
  const own = process.env.SERVER_URL ? undefined : await startOwn()
  const cache = new Memcached(process.env.SERVER_URL ?? own.address, { poolSize: 2 })
  const call =
    (name, ...args) =>
    tag =>
      new Promise((resolve, reject) =>
        cache[name](tag, ...args, error => {
          mark(tag)
          error ? reject(error) : resolve()
        }),
      )
  serve({ set: call('set', 'value', 60), get: call('get') }, () => {
    cache.end()
    own?.close()
  })
}
main()
