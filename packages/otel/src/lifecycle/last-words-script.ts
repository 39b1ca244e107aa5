// The program of the child process that delivers last words: plain text, because it runs in a Node of its own, with
// nothing of ours loaded. It reads a header line (JSON: the time it has, and one entry per request) and the bodies from stdin,
// sends all of them at once, and prints the index of each request that was accepted. Its time begins when it runs.
export const lastWordsScript = `'use strict'
const chunks = []
process.stdin.on('data', c => chunks.push(c)).on('end', () => {
  const all = Buffer.concat(chunks)
  const end = all.indexOf(10)
  let at = end + 1
  const { budgetMs, requests } = JSON.parse(all.toString('utf8', 0, end))
  setTimeout(() => process.exit(), budgetMs)
  let open = requests.length
  for (const [i, r] of requests.entries()) {
    const body = all.subarray(at, (at += r.length))
    let ended = false
    const done = accepted => {
      if (ended) return
      ended = true
      if (accepted) fs.writeSync(1, i + '\\n')
      if (--open === 0) process.exit()
    }
    try { (r.transport === 'grpc' ? grpc : http)(r, body, done) } catch { done(false) }
  }
})
const fs = require('node:fs')
const read = p => { try { return p && fs.readFileSync(p) } catch {} }
const tls = t => ({ ca: read(t.caFile), cert: read(t.clientCertFile), key: read(t.clientKeyFile) })
function http(r, body, done) {
  const u = new URL(r.url)
  const headers = { ...r.headers, 'content-length': body.length }
  if (r.gzipped) headers['content-encoding'] = 'gzip'
  const secure = u.protocol === 'https:'
  require(secure ? 'node:https' : 'node:http')
    .request(u, { method: 'POST', headers, ...(secure ? tls(r.tls) : {}) }, s => {
      s.resume()
      done(s.statusCode >= 200 && s.statusCode < 300)
    })
    .on('error', () => done(false))
    .end(body)
}
const sessions = {}
function grpc(r, body, done) {
  const u = new URL(r.url)
  const session = (sessions[u.origin] ??= require('node:http2')
    .connect(u.origin, u.protocol === 'https:' ? tls(r.tls) : {})
    .on('error', () => {}))
  const head = Buffer.alloc(5)
  head[0] = r.gzipped ? 1 : 0
  head.writeUInt32BE(body.length, 1)
  const headers = { ...r.headers, ':method': 'POST', ':path': u.pathname, te: 'trailers', 'content-type': 'application/grpc' }
  if (r.gzipped) headers['grpc-encoding'] = 'gzip'
  const stream = session.request(headers)
  const status = h => { if (h['grpc-status'] !== undefined) done(Number(h['grpc-status']) === 0) }
  stream.on('response', status).on('trailers', status).on('error', () => {}).on('close', () => done(false)).resume()
  stream.end(Buffer.concat([head, body]))
}
`
