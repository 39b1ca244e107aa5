// Node's own clients.
import { once } from 'node:events'
import http from 'node:http'
import { aborted, custom, runAll, shortMs } from './lib.mjs'

/** `act(request, response)`: `response` once there is one, when the path has half a body. */
function ask(url, act, options = {}, listens = true) {
  return new Promise(resolve => {
    const request = http.get(url, { agent: false, ...options })
    request.on('error', () => {})
    request.on('close', () => setImmediate(resolve))
    request.on('response', response => {
      if (listens) response.on('error', () => {})
      response.once('data', () => act?.(request, response))
    })
    if (url.includes('/silent/')) request.on('socket', socket => socket.on('connect', () => act?.(request)))
  })
}
const core = {
  'http signal': url => ask(url, undefined, { signal: aborted() }),
  'http signal with a reason': url => ask(url, undefined, { signal: aborted(custom) }),
  'http aborted signal': url => ask(url, undefined, { signal: AbortSignal.abort() }),
  'http destroy': url => ask(url, request => request.destroy()),
  'http abort': url => ask(url, request => request.abort()),
  'http destroy at once': url => {
    const request = http.get(url)
    request.on('error', () => {}).destroy()
    return once(request, 'close')
  },
  'http half request destroy': url => ask(url, request => request.destroy()),
  'http half response destroy': url => ask(url, (_request, response) => response.destroy()),
  'http half response destroy, nobody listens': url =>
    ask(url, (_r, response) => response.destroy(), {}, false),
  'http half signal': url => ask(url, undefined, { signal: aborted() }),
  'http half iteration left': async url => {
    const [response] = await once(http.get(url, { agent: false }), 'response')
    for await (const _chunk of response) break
  },
  'http down destroy': url => ask(url, request => request.destroy()),
  'http destroy with an error': url => ask(url, request => request.destroy(new RangeError('too large'))),
  'http half response destroy with an error': url =>
    ask(url, (_r, response) => response.destroy(new RangeError('no'))),
  'http half response destroy, then an error': url =>
    ask(url, (request, response) => {
      response.destroy()
      request.destroy(new RangeError('too large'))
    }),
  'http timeout destroy': url => {
    const request = http.get(url, { agent: false, timeout: shortMs }, () => {})
    request.on('timeout', () => request.destroy()).on('error', () => {})
    return once(request, 'close')
  },
  'http setTimeout abort': url => {
    const request = http.get(url, { agent: false })
    request.setTimeout(shortMs, () => request.abort()).on('error', () => {})
    return once(request, 'close')
  },
  'http half timeout destroy': url => {
    const request = http.get(url, { agent: false, timeout: shortMs }, response =>
      response.on('error', () => {}).resume(),
    )
    request.on('timeout', () => request.destroy()).on('error', () => {})
    return once(request, 'close')
  },
  'http AbortSignal.timeout': url => ask(url, undefined, { signal: AbortSignal.timeout(shortMs) }),
  'http AbortSignal.any': url =>
    ask(url, undefined, {
      signal: AbortSignal.any([new AbortController().signal, AbortSignal.timeout(shortMs)]),
    }),
  'http half AbortSignal.timeout': url => ask(url, undefined, { signal: AbortSignal.timeout(shortMs) }),
  'http lost': url => ask(url),
  'http lost, nobody listens': url => ask(url, undefined, {}, false),
  'http broken': url => ask(url),
  'fetch signal': url => fetch(url, { signal: aborted() }),
  'fetch signal with a reason': url => fetch(url, { signal: aborted(custom) }),
  'fetch signal with a text': url => fetch(url, { signal: aborted('enough') }),
  'fetch signal with null': url => fetch(url, { signal: aborted(null) }),
  'fetch signal with a coded reason': url =>
    fetch(url, { signal: aborted(Object.assign(new Error('x'), { code: 'E_LEFT' })) }),
  'fetch half signal': async url => (await fetch(url, { signal: aborted() })).text(),
  'fetch half signal with a reason': async url => (await fetch(url, { signal: aborted(custom) })).text(),
  'fetch half cancel': async url => (await fetch(url)).body.cancel(),
  'fetch half cancel with a reason': async url => (await fetch(url)).body.cancel(custom),
  'fetch half iteration left': async url => {
    for await (const _chunk of (await fetch(url)).body) break
  },
  'fetch down cancel': async url => (await fetch(url)).body.cancel(),
  'fetch AbortSignal.timeout': url => fetch(url, { signal: AbortSignal.timeout(shortMs) }),
  'fetch AbortSignal.any': url =>
    fetch(url, { signal: AbortSignal.any([new AbortController().signal, AbortSignal.timeout(shortMs)]) }),
  'fetch half AbortSignal.timeout': async url =>
    (await fetch(url, { signal: AbortSignal.timeout(shortMs) })).text(),
  'fetch lost': async url => (await fetch(url)).text(),
  'fetch broken': url => fetch(url),
  'fetch body that fails': url =>
    fetch(url, {
      method: 'POST',
      duplex: 'half',
      body: (async function* () {
        yield 'one'
        throw new RangeError('no more')
      })(),
    }),
}

await runAll(core)
