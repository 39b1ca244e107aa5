// The benchmark asks for the state of the process before and after the load.
const state = { requests: 0, failed: 0 }
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({
    ...state,
    cpuUs: user + system,
    rssMb: process.memoryUsage.rss() / 2 ** 20,
    ms: performance.now(),
  })
})
process.on('disconnect', () => process.exit())
module.exports = {
  state,
  listen(server) {
    server.keepAliveTimeout = 60_000
    server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
  },
}
