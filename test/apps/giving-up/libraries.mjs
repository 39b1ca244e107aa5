// Client libraries: undici, axios, got, node-fetch, superagent and ky, from their packages.
import { PassThrough } from 'node:stream'
import { aborted, custom, later, runAll, shortMs } from './lib.mjs'

const libraries = {}
for (const name of ['undici', 'undici6']) {
  const { Agent, fetch, request, stream } = await import(name)
  const sink = () => new PassThrough().resume()
  Object.assign(libraries, {
    [`${name} request signal`]: url => request(url, { signal: aborted() }),
    [`${name} request signal with a reason`]: url => request(url, { signal: aborted(custom) }),
    [`${name} request aborted before it is sent`]: async url => {
      const controller = new AbortController()
      const sent = request(url, { signal: controller.signal })
      controller.abort(custom)
      await sent
    },
    [`${name} request half body destroy`]: async url => {
      const { body } = await request(url)
      body.on('error', () => {}).destroy()
    },
    [`${name} request half body destroy with an error`]: async url => {
      const { body } = await request(url)
      body.on('error', () => {}).destroy(custom)
    },
    [`${name} request half signal with a reason`]: async url =>
      (await request(url, { signal: aborted(custom) })).body.text(),
    [`${name} request half iteration left`]: async url => {
      for await (const _chunk of (await request(url)).body) break
    },
    [`${name} stream signal`]: url => stream(url, { signal: aborted() }, sink),
    [`${name} stream half signal with a reason`]: url => stream(url, { signal: aborted(custom) }, sink),
    [`${name} fetch signal with a reason`]: url => fetch(url, { signal: aborted(custom) }),
    [`${name} fetch AbortSignal.timeout`]: url => fetch(url, { signal: AbortSignal.timeout(shortMs) }),
    [`${name} request AbortSignal.timeout`]: url => request(url, { signal: AbortSignal.timeout(shortMs) }),
    [`${name} headersTimeout`]: url => request(url, { headersTimeout: shortMs }),
    [`${name} half bodyTimeout`]: async url => (await request(url, { bodyTimeout: shortMs })).body.text(),
    [`${name} lost`]: async url => (await request(url)).body.text(),
    [`${name} connectTimeout`]: url =>
      request(url.replace('127.0.0.1', 'never.example'), {
        dispatcher: new Agent({ connect: { timeout: shortMs, lookup() {} } }),
      }),
  })
}

const { default: axios } = await import('axios')
Object.assign(libraries, {
  'axios signal': url => axios.get(url, { signal: aborted() }),
  'axios signal with a reason': url => axios.get(url, { signal: aborted(custom) }),
  'axios cancel token': url => {
    const source = axios.CancelToken.source()
    later(() => source.cancel('the user left'))
    return axios.get(url, { cancelToken: source.token })
  },
  'axios half signal': url => axios.get(url, { signal: aborted() }),
  'axios half stream destroy': async url =>
    (await axios.get(url, { responseType: 'stream' })).data.on('error', () => {}).destroy(),
  'axios fetch signal': url => axios.get(url, { adapter: 'fetch', signal: aborted() }),
  'axios timeout': url => axios.get(url, { timeout: shortMs }),
  'axios timeout that is clear': url =>
    axios.get(url, { timeout: shortMs, transitional: { clarifyTimeoutError: true } }),
  'axios half timeout': url => axios.get(url, { timeout: shortMs }),
  'axios AbortSignal.timeout': url => axios.get(url, { signal: AbortSignal.timeout(shortMs) }),
  'axios fetch timeout': url => axios.get(url, { adapter: 'fetch', timeout: shortMs }),
  'axios half too large': url => axios.get(url, { maxContentLength: 2 }),
  'axios lost': url => axios.get(url),
})

for (const name of ['got', 'got11']) {
  const imported = await import(name)
  const got = imported.got ?? imported.default
  const retry = name === 'got' ? { limit: 0 } : 0
  Object.assign(libraries, {
    ...(name === 'got'
      ? {
          'got signal': url => got(url, { retry, signal: aborted() }),
          'got signal with a reason': url => got(url, { retry, signal: aborted(custom) }),
          'got half signal': url => got(url, { retry, signal: aborted() }),
          'got AbortSignal.timeout': url => got(url, { retry, signal: AbortSignal.timeout(shortMs) }),
        }
      : {
          'got11 cancel': url => {
            const asked = got(url, { retry })
            later(() => asked.cancel())
            return asked
          },
        }),
    [`${name} half stream destroy`]: url =>
      new Promise(resolve => {
        const stream = got.stream(url, { retry })
        stream.on('error', () => {}).on('close', resolve)
        stream.once('data', () => stream.destroy())
      }),
    [`${name} timeout`]: url => got(url, { retry, timeout: { request: shortMs } }),
    [`${name} response timeout`]: url => got(url, { retry, timeout: { response: shortMs } }),
    [`${name} half timeout`]: url => got(url, { retry, timeout: { request: shortMs } }),
    [`${name} lost`]: url => got(url, { retry }),
  })
}

for (const name of ['node-fetch', 'node-fetch2']) {
  const { default: fetch } = await import(name)
  Object.assign(libraries, {
    [`${name} signal`]: url => fetch(url, { signal: aborted() }),
    [`${name} signal with a reason`]: url => fetch(url, { signal: aborted(custom) }),
    [`${name} half signal`]: async url => (await fetch(url, { signal: aborted() })).text(),
    [`${name} AbortSignal.timeout`]: url => fetch(url, { signal: AbortSignal.timeout(shortMs) }),
    [`${name} half AbortSignal.timeout`]: async url =>
      (await fetch(url, { signal: AbortSignal.timeout(shortMs) })).text(),
    [`${name} broken`]: url => fetch(url),
  })
}
// node-fetch 2 does not notice a connection that is lost in the body.
libraries['node-fetch lost'] = async url => (await (await import('node-fetch')).default(url)).text()
libraries['node-fetch2 timeout'] = async url =>
  (await import('node-fetch2')).default(url, { timeout: shortMs })

const { default: superagent } = await import('superagent')
Object.assign(libraries, {
  'superagent abort': url =>
    new Promise(resolve => {
      const asked = superagent.get(url).on('abort', resolve)
      asked.end(() => {})
      later(() => asked.abort())
    }),
  'superagent half abort': url =>
    new Promise(resolve => {
      const asked = superagent.get(url).on('abort', resolve)
      asked.end(() => {})
      later(() => asked.abort())
    }),
  'superagent timeout': url => superagent.get(url).timeout(shortMs),
  'superagent response timeout': url => superagent.get(url).timeout({ response: shortMs }),
  'superagent half deadline': url => superagent.get(url).timeout({ deadline: shortMs }),
  'superagent lost': url => superagent.get(url),
})

const { default: ky } = await import('ky')
Object.assign(libraries, {
  'ky signal': url => ky(url, { retry: 0, signal: aborted() }),
  'ky signal with a reason': url => ky(url, { retry: 0, signal: aborted(custom) }),
  'ky half signal': url => ky(url, { retry: 0, signal: aborted() }).text(),
  'ky timeout': url => ky(url, { retry: 0, timeout: shortMs }),
  'ky AbortSignal.timeout': url => ky(url, { retry: 0, signal: AbortSignal.timeout(shortMs) }),
  'ky lost': url => ky(url, { retry: 0 }).text(),
})

await runAll(libraries)
