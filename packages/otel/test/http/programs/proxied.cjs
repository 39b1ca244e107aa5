'use strict'
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) => response.end(request.headers.host))
  const base = { host: '127.0.0.1', port: s.port, headers: { host: 'far.example' } }
  const results = [
    await ask({ ...base, path: 'http://far.example/proxied/plain' }),
    await ask({ ...base, path: 'http://user:s3cret@far.example/proxied/secret?token=s3cret' }),
  ]
  await s.close()
  return results
}
