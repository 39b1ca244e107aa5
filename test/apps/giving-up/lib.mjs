// What both programs share: a server that answers badly, and running ways to give up one after the other. Each way has a
// path of its own: `/silent/..` is never answered, `/half/..` has half a body, `/down/..` the same of a 503, `/lost/..`
// loses its connection in the body, `/broken/..` at once.
import { once } from 'node:events'
import http from 'node:http'

export const later = act => setTimeout(act, 40)
export const shortMs = 250
export const custom = new Error('the user left')
/** A signal that is aborted while the request waits. */
export function aborted(...reason) {
  const controller = new AbortController()
  later(() => controller.abort(...reason))
  return controller.signal
}

export async function runAll(ways) {
  const server = http.createServer((request, response) => {
    request.on('error', () => {})
    if (request.url.startsWith('/broken/')) return request.socket.destroy()
    if (request.url.startsWith('/silent/')) return
    if (request.url.startsWith('/down/'))
      return response.writeHead(503, { 'content-length': '100' }).write('part')
    response.writeHead(200, { 'content-length': '100' })
    response.write('part')
    if (request.url.startsWith('/lost/')) setTimeout(() => request.socket.destroy(), 20)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${server.address().port}`
  for (const [name, way] of Object.entries(ways)) {
    const kind = /\b(half|lost|broken|down)\b/.exec(name)?.[1] ?? 'silent'
    // What it rejects with is the library's own; that it does not hang is what we wait for.
    const ended = Promise.resolve(way(`${origin}/${kind}/${encodeURIComponent(name)}`)).catch(() => {})
    const limit = new Promise((_resolve, reject) =>
      setTimeout(reject, 10_000, new Error(`${name} hangs`)).unref(),
    )
    await Promise.race([ended, limit]).catch(error => console.error(error.message))
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  server.closeAllConnections()
  server.close()
}
