const { createServer } = require('node:http')
const { state, listen } = require('./marks.cjs')

listen(
  createServer((request, response) => {
    state.requests++
    const body = JSON.stringify({ id: state.requests, path: request.url, tags: ['a', 'b', 'c'] })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    response.end(body)
  }),
)
