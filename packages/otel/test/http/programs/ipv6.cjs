'use strict'
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((_request, response) => response.end('six'), { host: '::1' })
  const results = [
    await ask(`${s.url}/six/string`),
    await ask(new URL(`${s.url}/six/url`)),
    await ask({ host: '::1', port: s.port, path: '/six/host' }),
    await ask({ hostname: '::1', port: s.port, path: '/six/hostname' }),
    await (await fetch(`${s.url}/six/fetch`)).text(),
  ]
  await s.close()
  return results
}
