// A MySQL that answers by the first words of a statement.
'use strict'
const { describeColumn, prepared, startServer } = require('../../../../test/apps/mysql-server.cjs')

const column = describeColumn('n')
const failures = [
  [/missing/i, 1146, "Table 'shop.missing' doesn't exist"],
  [/duplicate/i, 1062, "Duplicate entry 's3cret@shop.example' for key 'mail'"],
  [/^nonsense/i, 1064, "You have an error in your SQL syntax near 's3cret' at line 1"],
]

/** Runs `use` with the options of a connection. */
exports.withMysql = async use => {
  const { port, close } = await startServer((connection, answer) => {
    const fail = ([, code, message]) => connection.writeError({ code, message })
    connection.on('query', sql =>
      answer(() => {
        const failure = failures.find(([pattern]) => pattern.test(sql))
        if (failure !== undefined) fail(failure)
        else if (/select/i.test(sql)) connection.writeTextResult([{ n: 'a' }, { n: 'b' }], [column])
        else connection.writeOk({ affectedRows: 1 })
      }),
    )
    const statements = []
    connection.on('stmt_prepare', sql =>
      answer(() => {
        if (/missing/.test(sql)) fail(failures[0])
        else connection.stream.write(prepared(statements.push(sql)))
      }),
    )
    connection.on('stmt_execute', id =>
      answer(() => {
        if (/duplicate/.test(statements[id - 1])) fail(failures[1])
        else connection.writeTextResult([{ n: 'a' }], [column], true)
      }),
    )
  })
  try {
    return await use({ host: '127.0.0.1', port, user: 'shop', database: 'shop' })
  } finally {
    close()
  }
}
