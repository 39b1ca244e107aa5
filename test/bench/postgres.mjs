// Answers every query with the same row, in PostgreSQL's wire protocol: the client library does all of its work, and
// nothing has to be installed.
import { createServer } from 'node:net'

const message = (type, ...parts) => {
  const body = Buffer.concat(parts)
  const head = Buffer.from(`${type}....`)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
const int16 = value => Buffer.from([value >> 8, value & 255])
const int32 = value => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const text = value => Buffer.from(`${value}\0`)
const cell = value => Buffer.concat([int32(value.length), Buffer.from(value)])

const ready = message('Z', Buffer.from('I'))
const welcome = Buffer.concat([
  message('R', int32(0)),
  message('S', text('server_version'), text('17.0')),
  message('S', text('client_encoding'), text('UTF8')),
  message('K', int32(1), int32(1)),
  ready,
])
const column = (name, type) =>
  Buffer.concat([text(name), int32(0), int16(0), int32(type), int16(-1), int32(-1), int16(0)])
const answers = {
  P: message('1'),
  B: message('2'),
  D: message('T', int16(2), column('id', 23), column('name', 25)),
  E: Buffer.concat([message('D', int16(2), cell('7'), cell('item 7')), message('C', text('SELECT 1'))]),
  S: ready,
}

const server = createServer(socket => {
  let buffered = Buffer.alloc(0)
  let started = false
  socket.on('error', () => socket.destroy())
  socket.on('data', data => {
    buffered = Buffer.concat([buffered, data])
    const out = []
    while (true) {
      const at = started ? 1 : 0
      if (buffered.length < at + 4) break
      const length = at + buffered.readInt32BE(at)
      if (buffered.length < length) break
      if (started) out.push(answers[String.fromCharCode(buffered[0])] ?? Buffer.alloc(0))
      // 80877103 asks for TLS.
      else if (buffered.readInt32BE(4) === 80877103) out.push(Buffer.from('N'))
      else {
        started = true
        out.push(welcome)
      }
      buffered = buffered.subarray(length)
    }
    if (out.length > 0) socket.write(Buffer.concat(out))
  })
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('disconnect', () => process.exit())
