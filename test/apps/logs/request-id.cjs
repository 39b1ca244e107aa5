// /in calls /out of itself by http and by fetch; /out says which headers came.
const http = require('node:http')
const logger = require('pino')({ base: null })

const server = http.createServer(async (request, response) => {
  if (request.url.startsWith('/out')) {
    response.end(JSON.stringify(request.headers))
    return
  }
  logger.info('served')
  const url = `http://127.0.0.1:${server.address().port}/out`
  const own = request.url === '/own' ? { 'X-Request-Id': 'own' } : {}
  const byHttp = await new Promise(resolve =>
    http.get(url, { headers: own }, async reply => resolve((await reply.toArray()).join(''))),
  )
  const byRaw = await new Promise(resolve =>
    http.get(url, { headers: Object.entries({ Host: 'x', ...own }).flat() }, async reply =>
      resolve((await reply.toArray()).join('')),
    ),
  )
  const byFetch = await (await fetch(url, { headers: own })).text()
  response.end(`[${byHttp},${byRaw},${byFetch}]`)
})
server.listen(0, '127.0.0.1', () => process.stderr.write(`listening ${server.address().port}\n`))
