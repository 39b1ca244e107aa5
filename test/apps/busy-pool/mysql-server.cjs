// mysql2's own server: answers every statement with one row after a moment, prepared ones as well; or a real one.
const { createServer } = require('mysql2')

const column = {
  catalog: 'def',
  schema: '',
  table: '',
  orgTable: '',
  name: 'one',
  orgName: '',
  characterSet: 33,
  columnLength: 10,
  columnType: 253,
  flags: 0,
  decimals: 0,
}

/** @returns the options of a connection, and what ends the server */
async function startMysql() {
  if (process.env.SERVER_URL) {
    const { hostname, port, username, password, pathname } = new URL(process.env.SERVER_URL)
    const database = pathname.slice(1) || undefined
    return { options: { host: hostname, port: Number(port), user: username, password, database }, close() {} }
  }
  const connections = []
  const server = createServer()
  server.on('connection', connection => {
    connections.push(connection)
    connection.serverHandshake({
      protocolVersion: 10,
      serverVersion: '8.0.0',
      connectionId: connections.length,
      statusFlags: 2,
      characterSet: 33,
      // Neither TLS nor compression.
      capabilityFlags: 0xffffff ^ 0x0820,
      authCallback: (_, done) => write(() => done(null)),
    })
    connection.on('error', () => {})
    // Each command counts its packets from 0, which the server leaves to us.
    const write = how => {
      connection.sequenceId = connection.sequenceId || 1
      how()
      connection.sequenceId = 0
    }
    const answer = isBinary =>
      setTimeout(() => write(() => connection.writeTextResult([{ one: 'x' }], [column], isBinary)), 4)
    connection.on('query', () => answer(false))
    // The answer to COM_STMT_PREPARE: statement 1 without columns and parameters.
    const prepared = Buffer.from([12, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    connection.on('stmt_prepare', () => setTimeout(() => write(() => connection.stream.write(prepared)), 1))
    connection.on('stmt_execute', () => answer(true))
    connection.on('ping', () => write(() => connection.writeOk()))
    // Without a listener it prints the commands that it does not know. Closing a statement has no answer.
    connection.on('packet', (_packet, isKnown) => {
      if (!isKnown) connection.sequenceId = 0
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    options: { host: '127.0.0.1', port: server._server.address().port, user: 'u' },
    close() {
      server.close()
      for (const connection of connections) connection.stream.destroy()
    },
  }
}
module.exports = { startMysql }
