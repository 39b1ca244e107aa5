// The OpenAI client over a fetch with two connections.
const http = require('node:http')
const { OpenAI } = require('openai')
const undici = require('undici7')
const { listen, onWire, serve, tagIn } = require('./lib.cjs')

const server = http.createServer((request, response) => {
  let body = ''
  request.setEncoding('latin1').on('data', chunk => (body += chunk))
  request.on('end', () => {
    const tag = tagIn(body)
    onWire(tag, request.headers.traceparent)
    const message = { role: 'assistant', content: 'hello' }
    const answer = {
      id: 'a',
      object: 'chat.completion',
      model: tag,
      choices: [{ index: 0, message, finish_reason: 'stop' }],
    }
    setTimeout(() => response.setHeader('content-type', 'application/json').end(JSON.stringify(answer)), 4)
  })
})
listen(server).then(port => {
  const dispatcher = new undici.Agent({ connections: 2 })
  const client = new OpenAI({
    apiKey: 'a',
    baseURL: `http://127.0.0.1:${port}`,
    maxRetries: 0,
    fetch: undici.fetch,
    fetchOptions: { dispatcher },
  })
  serve(
    {
      'chat.completions': tag =>
        client.chat.completions.create({ model: tag, messages: [{ role: 'user', content: 'hi' }] }),
    },
    async () => {
      await dispatcher.close()
      server.close()
      server.closeAllConnections()
    },
  )
})
