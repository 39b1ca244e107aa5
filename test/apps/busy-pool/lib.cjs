// What every program of the busy-pool test shares: an HTTP server whose requests each do their operation through a pool or
// queue that is too small for them, a mark that shows in which context code runs, and the wire as a server saw it.
const http = require('node:http')
const { trace } = require('@opentelemetry/api')

const tracer = trace.getTracer('busy-pool')
/** [tag, traceparent] of everything that servers of this program were sent. */
const seen = []

/** `busy_<way>_<request>_`, made by the test: a legal word in URLs, keys, statements and subjects. */
function tagIn(text) {
  return /busy_\d+_\d+_/.exec(text)?.[0]
}

/** A span of this program's own: the test looks whose trace it is in. `where`: `request` or, for what belongs to nobody, `nobody`. */
function mark(tag, where = 'request') {
  tracer.startSpan('mark', { attributes: { tag, where } }).end()
}

/** For servers: what came with the operation `tag`. */
function onWire(tag, traceparent) {
  seen.push([tag, traceparent === undefined ? null : String(traceparent)])
}

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

function listen(server) {
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
}

/**
 * An HTTP server that notes the tag in the URL and the header, and takes a moment.
 * `/<tag>/flaky` fails the first time, `/<tag>/moved` leads to `/<tag>`.
 */
async function startPeer() {
  const failed = new Set()
  const server = http.createServer((request, response) => {
    const tag = tagIn(request.url)
    onWire(tag, request.headers.traceparent)
    request.resume().on('end', () =>
      setTimeout(() => {
        if (request.url.endsWith('/flaky') && !failed.has(tag)) {
          failed.add(tag)
          response.statusCode = 503
        } else if (request.url.endsWith('/moved')) response.writeHead(302, { location: `/${tag}` })
        response.write('o')
        setTimeout(() => response.end('k'), 2)
      }, 4),
    )
  })
  const port = await listen(server)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/**
 * @param ways what a request to `/<way>/<tag>` does: functions of the tag
 * @param close ends what keeps the process alive, after the last request
 */
async function serve(ways, close) {
  const server = http.createServer(async (request, response) => {
    const [, way, tag] = decodeURIComponent(request.url).split('/')
    if (way === 'wire') return response.end(JSON.stringify(seen))
    if (way === 'close') {
      response.end()
      server.close()
      return close?.()
    }
    try {
      await ways[way](tag)
      mark(tag)
      response.end()
    } catch (error) {
      response.statusCode = 500
      response.end(`${error?.stack ?? error}`)
    }
  })
  const port = await listen(server)
  process.stdout.write(`listening ${port}\n`)
}

module.exports = { listen, mark, onWire, pause, serve, startPeer, tagIn }
