// undici (the package named in UNDICI) and Node's own fetch through its dispatchers, two connections each.
const { Writable } = require('node:stream')
const { mark, serve, startPeer } = require('./lib.cjs')
const undici = require(process.env.UNDICI)

startPeer().then(async peer => {
  const options = { connections: 2 }
  const pool = new undici.Pool(peer.url, options)
  const single = new undici.Client(peer.url)
  const balanced = new undici.BalancedPool(peer.url, options)
  const agent = new undici.Agent(options)
  const retry = undici.RetryAgent && new undici.RetryAgent(new undici.Agent(options), { minTimeout: 1 })
  const composed = agent.compose?.(dispatch => (given, handler) => dispatch(given, handler))
  const redirecting =
    undici.interceptors?.redirect && pool.compose(undici.interceptors.redirect({ maxRedirections: 1 }))
  const text = ({ body }) => body.text()
  const at = tag => ({ path: `/${tag}`, method: 'GET' })

  const ways = {
    'Pool.request': async tag => text(await pool.request(at(tag))),
    'Pool.request with a callback': tag =>
      new Promise((resolve, reject) => {
        pool.request(at(tag), (error, response) => {
          if (error) return reject(error)
          mark(tag)
          response.body.once('data', () => mark(tag)).on('end', () => mark(tag))
          response.body.on('close', resolve).resume()
        })
      }),
    'Pool.stream': tag =>
      pool.stream(at(tag), () => {
        mark(tag)
        return new Writable({ write: (_chunk, _encoding, done) => done() })
      }),
    'Pool.pipeline': tag =>
      new Promise((resolve, reject) => {
        const duplex = pool.pipeline({ ...at(tag), method: 'POST' }, ({ body }) => {
          mark(tag)
          return body
        })
        duplex.on('error', reject).on('close', resolve).resume()
        duplex.end('x')
      }),
    'Pool.dispatch': tag =>
      new Promise((resolve, reject) => {
        const modern = {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData() {},
          onResponseEnd: resolve,
          onResponseError: (_controller, error) => reject(error),
        }
        const before = {
          onConnect() {},
          onHeaders: () => true,
          onData: () => true,
          onComplete: resolve,
          onError: reject,
        }
        pool.dispatch(at(tag), Number(process.env.UNDICI_MAJOR) >= 7 ? modern : before)
      }),
    'Client.request': async tag => text(await single.request(at(tag))),
    'BalancedPool.request': async tag => text(await balanced.request(at(tag))),
    'request of an Agent': async tag =>
      text(await undici.request(`${peer.url}/${tag}`, { dispatcher: agent })),
    'undici.fetch': async tag => (await undici.fetch(`${peer.url}/${tag}`, { dispatcher: agent })).text(),
    'fetch of a BalancedPool': async tag =>
      (await undici.fetch(`${peer.url}/${tag}`, { dispatcher: balanced })).text(),
    'global fetch': async tag => (await fetch(`${peer.url}/${tag}`, { dispatcher: agent })).text(),
    'a generator as body': async tag =>
      text(
        await pool.request({
          ...at(tag),
          method: 'POST',
          body: (async function* () {
            mark(tag)
            yield 'x'
          })(),
        }),
      ),
    RetryAgent: async tag => text(await retry.request({ ...at(`${tag}/flaky`), origin: peer.url })),
    'a composed Agent': async tag =>
      text(await undici.request(`${peer.url}/${tag}`, { dispatcher: composed })),
    'the redirect interceptor': async tag =>
      text(await redirecting.request({ ...at(`${tag}/moved`), origin: peer.url })),
    'setGlobalDispatcher and the global fetch': async tag => {
      if (undici.getGlobalDispatcher() !== agent) undici.setGlobalDispatcher(agent)
      return (await fetch(`${peer.url}/${tag}`)).text()
    },
  }
  serve(ways, async () => {
    await Promise.all([pool, single, balanced, agent].map(one => one.close()))
    await retry?.close()
    peer.close()
  })
})
