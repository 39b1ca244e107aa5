// mysql2's own server, for programs that want a MySQL to speak with: the handshake and the counting of packets are here,
// what it answers is the program's.
'use strict'
const { createServer } = require('mysql2')

/** A text column, for `writeTextResult`. */
exports.describeColumn = name => ({
  catalog: 'def',
  schema: '',
  table: '',
  orgTable: '',
  name,
  orgName: '',
  characterSet: 33,
  columnLength: 10,
  columnType: 253,
  flags: 0,
  decimals: 0,
})

/** The answer to COM_STMT_PREPARE: a statement without columns and parameters. */
exports.prepared = id => Buffer.from([12, 0, 0, 1, 0, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])

/**
 * @param serve called with each connection, to listen to `query`, `stmt_prepare` and `stmt_execute`, and with what each
 *   answer has to be written in
 * @returns the port, and what ends the server
 */
exports.startServer = async serve => {
  const connections = []
  const server = createServer()
  server.on('connection', connection => {
    connections.push(connection)
    // Each command counts its packets from 0, which the server leaves to us.
    const answer = write => {
      connection.sequenceId = connection.sequenceId || 1
      write()
      connection.sequenceId = 0
    }
    connection.serverHandshake({
      protocolVersion: 10,
      serverVersion: '8.0.0',
      connectionId: connections.length,
      statusFlags: 2,
      characterSet: 33,
      // Neither TLS nor compression.
      capabilityFlags: 0xffffff ^ 0x0820,
      authCallback: (_, done) => answer(() => done(null)),
    })
    connection.on('error', () => {})
    serve(connection, answer)
    connection.on('ping', () => answer(() => connection.writeOk()))
    // Without a listener it prints the commands that it does not know. Closing a statement has no answer.
    connection.on('packet', (_packet, isKnown) => {
      if (!isKnown) connection.sequenceId = 0
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: server._server.address().port,
    close() {
      server.close()
      for (const connection of connections) connection.stream.destroy()
    },
  }
}
