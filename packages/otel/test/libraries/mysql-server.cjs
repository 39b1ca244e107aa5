// mysql2's own server, with answers by the first words of a statement.
'use strict'
const { createServer } = require('mysql2')

const column = {
  catalog: 'def',
  schema: '',
  table: '',
  orgTable: '',
  name: 'n',
  orgName: '',
  characterSet: 33,
  columnLength: 10,
  columnType: 253,
  flags: 0,
  decimals: 0,
}
const failures = [
  [/missing/i, 1146, "Table 'shop.missing' doesn't exist"],
  [/duplicate/i, 1062, "Duplicate entry 's3cret@shop.example' for key 'mail'"],
  [/^nonsense/i, 1064, "You have an error in your SQL syntax near 's3cret' at line 1"],
]
/** The answer to COM_STMT_PREPARE: a statement without columns and parameters. */
const prepared = id => Buffer.from([12, 0, 0, 1, 0, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])

/** Runs `use` with the options of a connection. */
exports.withMysql = async use => {
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
      authCallback: (_, done) => answer(() => done(null)),
    })
    // Each command counts its packets from 0, which the server leaves to us.
    const answer = write => {
      connection.sequenceId = connection.sequenceId || 1
      write()
      connection.sequenceId = 0
    }
    connection.on('error', () => {})
    connection.on('query', sql =>
      answer(() => {
        const failure = failures.find(([pattern]) => pattern.test(sql))
        if (failure !== undefined) connection.writeError({ code: failure[1], message: failure[2] })
        else if (/select/i.test(sql)) connection.writeTextResult([{ n: 'a' }, { n: 'b' }], [column])
        else connection.writeOk({ affectedRows: 1 })
      }),
    )
    const statements = []
    connection.on('stmt_prepare', sql => {
      answer(() => {
        if (/missing/.test(sql)) connection.writeError({ code: failures[0][1], message: failures[0][2] })
        else connection.stream.write(prepared(statements.push(sql)))
      })
    })
    connection.on('stmt_execute', id =>
      answer(() => {
        if (/duplicate/.test(statements[id - 1]))
          connection.writeError({ code: failures[1][1], message: failures[1][2] })
        else connection.writeTextResult([{ n: 'a' }], [column], true)
      }),
    )
    connection.on('ping', () => answer(() => connection.writeOk()))
    // Without a listener it prints the commands that it does not know. Closing a statement has no answer.
    connection.on('packet', (_packet, isKnown) => {
      if (!isKnown) connection.sequenceId = 0
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use({
      host: '127.0.0.1',
      port: server._server.address().port,
      user: 'shop',
      database: 'shop',
    })
  } finally {
    server.close()
    for (const connection of connections) connection.stream.destroy()
  }
}
