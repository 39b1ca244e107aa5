// A collector that takes everything and keeps a count: OTLP over HTTP, and what a Datadog agent answers.
import { createServer } from 'node:http'

const counted = { requests: 0, bytes: 0 }
const agentInfo = JSON.stringify({ version: '7.60.0', endpoints: ['/v0.4/traces'], client_drop_p0s: false })

const server = createServer((request, response) => {
  counted.requests++
  request.on('data', chunk => (counted.bytes += chunk.length))
  request.on('end', () => {
    if (request.url.startsWith('/v1/'))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    else if (request.url === '/info')
      response.writeHead(200, { 'content-type': 'application/json' }).end(agentInfo)
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"rate_by_service":{}}')
  })
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('message', () => process.send(counted))
process.on('disconnect', () => process.exit())
