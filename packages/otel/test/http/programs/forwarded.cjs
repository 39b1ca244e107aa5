'use strict'
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((_request, response) => response.end('ok'))
  const cases = {
    forwarded: { forwarded: 'for=192.0.2.60;proto=https;host=shop.example, for=10.0.0.1' },
    'forwarded-port': { forwarded: 'for="192.0.2.43:47011";host="shop.example:8443";proto=https' },
    'forwarded-v6': { forwarded: 'for="[2001:db8:cafe::17]:4711"' },
    'forwarded-broken': { forwarded: 'for=;;;=x', 'x-forwarded-for': '198.51.100.7' },
    xff: { 'x-forwarded-for': '203.0.113.195, 70.41.3.18, 150.172.238.178' },
    'xff-port': { 'x-forwarded-for': '203.0.113.195:1234' },
    'xff-v6': { 'x-forwarded-for': '2001:db8:85a3:8d3:1319:8a2e:370:7348' },
    'xff-unknown': { 'x-forwarded-for': 'unknown' },
    xfh: { 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' },
    'xfh-port': { 'x-forwarded-host': 'shop.example:8080' },
    'xfh-bare': { 'x-forwarded-host': 'shop.example' },
  }
  const results = []
  for (const [name, headers] of Object.entries(cases))
    results.push(await ask(`${s.url}/forwarded/${name}`, { headers }))
  await s.close()
  return results
}
