// Answers every statement with one row after a moment, prepared ones as well; or a real server.
const { describeColumn, prepared, startServer } = require('../mysql-server.cjs')

const column = describeColumn('one')

/** @returns the options of a connection, and what ends the server */
async function startMysql() {
  if (process.env.SERVER_URL) {
    const { hostname, port, username, password, pathname } = new URL(process.env.SERVER_URL)
    const database = pathname.slice(1) || undefined
    return { options: { host: hostname, port: Number(port), user: username, password, database }, close() {} }
  }
  const { port, close } = await startServer((connection, write) => {
    const answer = isBinary =>
      setTimeout(() => write(() => connection.writeTextResult([{ one: 'x' }], [column], isBinary)), 4)
    connection.on('query', () => answer(false))
    connection.on('stmt_prepare', () =>
      setTimeout(() => write(() => connection.stream.write(prepared(1))), 1),
    )
    connection.on('stmt_execute', () => answer(true))
  })
  return { options: { host: '127.0.0.1', port, user: 'u' }, close }
}
module.exports = { startMysql }
