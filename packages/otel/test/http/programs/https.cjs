'use strict'
const https = require('node:https')
const certificate = require('./certificate.cjs')
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) => response.end(`secure ${request.url}`), {
    module: https,
    options: certificate,
  })
  const url = `https://localhost:${s.port}`
  const ca = certificate.cert
  const agent = new https.Agent({ keepAlive: true, ca })
  const results = [
    await ask(`${url}/tls/once?sig=s3cret`, { ca }, undefined, https),
    await ask(new URL(`${url}/tls/url`), { ca }, undefined, https),
    await ask({ host: 'localhost', port: s.port, path: '/tls/options', ca }, {}, undefined, https),
    await ask(`${url}/tls/keep-alive/1`, { agent }, undefined, https),
    await ask(`${url}/tls/keep-alive/2`, { agent }, undefined, https),
    await ask(`${url}/tls/untrusted`, {}, undefined, https),
  ]
  agent.destroy()
  await s.close()
  return results
}
