// The AWS SDK with two sockets: commands wait in the agent of its request handler.
const http = require('node:http')
const { AssumeRoleCommand, STSClient } = require('@aws-sdk/client-sts')
const { listen, mark, onWire, serve, tagIn } = require('./lib.cjs')

const answer = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>`

const aws = http.createServer((request, response) => {
  let body = ''
  request.setEncoding('latin1').on('data', chunk => (body += chunk))
  request.on('end', () => {
    onWire(tagIn(body), request.headers.traceparent)
    setTimeout(() => response.setHeader('content-type', 'text/xml').end(answer), 4)
  })
})
listen(aws).then(port => {
  const client = new STSClient({
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${port}`,
    maxAttempts: 1,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    requestHandler: { httpAgent: { maxSockets: 2, keepAlive: true } },
  })
  const command = tag =>
    new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::123456789012:role/busy', RoleSessionName: tag })
  serve(
    {
      send: tag => client.send(command(tag)),
      'send with a callback': tag =>
        new Promise((resolve, reject) =>
          client.send(command(tag), error => {
            mark(tag)
            error ? reject(error) : resolve()
          }),
        ),
    },
    () => {
      client.destroy()
      aws.close()
      aws.closeAllConnections()
    },
  )
})
