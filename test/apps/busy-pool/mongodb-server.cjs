// Speaks as much of MongoDB's protocol as these programs ask for: every find has one document and one more batch.
const net = require('node:net')
const { BSON } = require('mongodb')
const { listen } = require('./lib.cjs')

const opMessage = 2013
const opQuery = 2004
const opReply = 1

const hello = {
  ok: 1,
  helloOk: true,
  isWritablePrimary: true,
  ismaster: true,
  setName: 'rs',
  setVersion: 1,
  maxBsonObjectSize: 16777216,
  maxMessageSizeBytes: 48000000,
  maxWriteBatchSize: 100000,
  minWireVersion: 0,
  maxWireVersion: 25,
  logicalSessionTimeoutMinutes: 30,
}

function answer(command, port) {
  const [name] = Object.keys(command)
  const ns = `${command.$db}.${command.collection ?? command[name]}`
  const me = `127.0.0.1:${port}`
  if (/^(?:hello|ismaster)$/i.test(name)) return { ...hello, hosts: [me], me, primary: me }
  const refusal = {
    code: 11000,
    errmsg:
      'E11000 duplicate key error collection: shop.refused index: mail dup key: { mail: "s3cret@shop.example" }',
  }
  if (command[name] === 'refused' && name === 'find') return { ok: 0, code: 59, errmsg: 'no such command' }
  if (command[name] === 'refused') return { ok: 1, n: 0, writeErrors: [{ index: 0, ...refusal }] }
  if (command[name] === 'lonely')
    return { ok: 1, n: 1, writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } }
  if (name === 'bulkWrite')
    return {
      ok: 1,
      nErrors: 1,
      nInserted: 0,
      nMatched: 0,
      nModified: 0,
      nUpserted: 0,
      nDeleted: 0,
      cursor: {
        id: BSON.Long.fromNumber(0),
        ns: 'admin.$cmd.bulkWrite',
        firstBatch: [{ ok: 0, idx: 0, n: 0, ...refusal }],
      },
    }
  if (name === 'find')
    return {
      ok: 1,
      cursor: { id: BSON.Long.fromNumber(command.singleBatch ? 0 : 7), ns, firstBatch: [{ n: 1 }] },
    }
  if (name === 'getMore') return { ok: 1, cursor: { id: BSON.Long.fromNumber(0), ns, nextBatch: [{ n: 2 }] } }
  return { ok: 1, n: 1 }
}

function encode(requestId, opCode, body) {
  const head = Buffer.alloc(16)
  head.writeInt32LE(16 + body.length, 0)
  head.writeInt32LE(requestId, 8)
  head.writeInt32LE(opCode, 12)
  return Buffer.concat([head, body])
}

function reply(message, port) {
  const requestId = message.readInt32LE(4)
  if (message.readInt32LE(12) === opQuery) {
    const head = Buffer.alloc(20)
    head.writeInt32LE(1, 16)
    return encode(requestId, opReply, Buffer.concat([head, BSON.serialize(answer({ hello: 1 }, port))]))
  }
  // Flags, and a section of kind 0: the command.
  const end = 21 + message.readInt32LE(21)
  const command = BSON.deserialize(message.subarray(21, end))
  return encode(requestId, opMessage, Buffer.concat([Buffer.alloc(5), BSON.serialize(answer(command, port))]))
}

/** @returns the URL, and what ends the server */
async function startMongodb() {
  const sockets = new Set()
  const server = net.createServer(socket => {
    sockets.add(socket)
    let buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      buffer = Buffer.concat([buffer, chunk])
      while (buffer.length >= 16 && buffer.length >= buffer.readInt32LE(0)) {
        const message = buffer.subarray(0, buffer.readInt32LE(0))
        buffer = buffer.subarray(message.length)
        setTimeout(() => socket.write(reply(message, port)), message.readInt32LE(12) === opMessage ? 3 : 0)
      }
    })
  })
  const port = await listen(server)
  return {
    url: `mongodb://127.0.0.1:${port}/test`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
module.exports = { startMongodb }
