// Speaks as much of CQL (native protocol 4) as the driver asks for: every query has one row.
const net = require('node:net')
const { listen } = require('./lib.cjs')

const opcodes = { STARTUP: 1, READY: 2, OPTIONS: 5, SUPPORTED: 6, RESULT: 8, REGISTER: 11 }
const int = value => {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}
const short = value => int(value).subarray(2)
const string = text => Buffer.concat([short(Buffer.byteLength(text)), Buffer.from(text)])
const varchar = 13

const local = {
  key: 'local',
  data_center: 'dc1',
  rack: 'r1',
  release_version: '4.0.0',
  cluster_name: 'test',
  partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
}

function rows(row) {
  const names = Object.keys(row)
  return Buffer.concat([
    int(2),
    int(1),
    int(names.length),
    string('system'),
    string('t'),
    ...names.flatMap(name => [string(name), short(varchar)]),
    int(names.length === 0 ? 0 : 1),
    ...names.flatMap(name => [int(Buffer.byteLength(row[name])), Buffer.from(row[name])]),
  ])
}

function answer(opcode, text) {
  if (opcode === opcodes.OPTIONS) return [opcodes.SUPPORTED, short(0)]
  if (opcode === opcodes.STARTUP || opcode === opcodes.REGISTER) return [opcodes.READY, Buffer.alloc(0)]
  if (/system.peers/.test(text)) return [opcodes.RESULT, rows({})]
  return [opcodes.RESULT, rows(/system.local/.test(text) ? local : { n: '1' })]
}

/** @returns the address, and what ends the server */
async function startCassandra() {
  const sockets = new Set()
  const server = net.createServer(socket => {
    sockets.add(socket)
    let buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      buffer = Buffer.concat([buffer, chunk])
      while (buffer.length >= 9 && buffer.length >= 9 + buffer.readInt32BE(5)) {
        const frame = buffer.subarray(0, 9 + buffer.readInt32BE(5))
        buffer = buffer.subarray(frame.length)
        const [opcode, body] = answer(frame[4], frame.subarray(9).toString('latin1'))
        const head = Buffer.concat([Buffer.from([0x84, 0, frame[2], frame[3], opcode]), int(body.length)])
        setTimeout(() => socket.write(Buffer.concat([head, body])), 3)
      }
    })
  })
  const port = await listen(server)
  return {
    address: `127.0.0.1:${port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
module.exports = { startCassandra }
