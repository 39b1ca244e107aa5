// node:http with agents of two sockets: requests wait in the agent's queue.
const http = require('node:http')
const { mark, serve, startPeer } = require('./lib.cjs')

startPeer().then(peer => {
  const get = agent => tag =>
    new Promise((resolve, reject) => {
      const request = http.get(`${peer.url}/${tag}`, { agent }, response => {
        response.resume().on('end', () => {
          mark(tag)
          resolve()
        })
      })
      request.on('error', reject)
    })
  const agents = [
    new http.Agent({ maxSockets: 2 }),
    new http.Agent({ keepAlive: true, maxSockets: 2 }),
    new http.Agent({ keepAlive: true, maxTotalSockets: 2 }),
  ]
  serve(
    {
      'Agent with maxSockets': get(agents[0]),
      'Agent with keepAlive and maxSockets': get(agents[1]),
      'Agent with maxTotalSockets': get(agents[2]),
    },
    () => {
      for (const agent of agents) agent.destroy()
      peer.close()
    },
  )
})
