const { createServer } = require('node:http')
const { listen } = require('./marks.cjs')

const body = JSON.stringify({ from: 'downstream', values: [1, 2, 3] })
listen(
  createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    response.end(body)
  }),
)
