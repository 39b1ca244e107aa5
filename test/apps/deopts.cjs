// A small server that leaves a mark in V8's log (--log-code) when it has answered so many requests.
const http = require('node:http')
const { runInThisContext } = require('node:vm')

const [from, to] = process.argv.slice(2).map(Number)
let requests = 0
http
  .createServer((req, res) => {
    requests++
    if (requests === from) runInThisContext('0', { filename: 'MARK-from' })
    if (requests === to) runInThisContext('0', { filename: 'MARK-to' })
    const body = JSON.stringify({ id: requests, path: req.url })
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    res.end(body)
  })
  .listen(0, '127.0.0.1', function () {
    process.send(this.address().port)
  })
process.on('disconnect', () => process.exit())
