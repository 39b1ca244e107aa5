// The options of upstream's instrumentations do under ours what they do under upstream's.
import { buildOurs, nodes, runScript, upstreamPreload } from './run.ts'

const built = buildOurs()
afterAll(() => built.dispose())

const { bin } = nodes.at(-1) as { bin: string }

async function spansUnder(preload: string, options: string): Promise<unknown> {
  const source = `
    const seen = []
    globalThis.HTTP_TEST_OPTIONS = ${options}
    const telemetry = require(${JSON.stringify(preload)})
    const { serve, ask } = require('./programs/lib.cjs')
    // The row fetch-query-and-method of differences.ts.
    const isOddOfFetch = (key, value) => (key === 'url.query' && value === '') || (key === 'http.request.method_original' && value === 'GET')
    const settle = async () => { for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve)) }
    async function main() {
      const s = await serve((request, response) => {
        response.setHeader('x-answer', '42')
        response.statusCode = request.url.startsWith('/broken') ? 500 : 200
        response.end(String(request.headers.traceparent !== undefined))
      })
      const out = []
      for (const path of ['/a', '/ignored', '/broken'])
        out.push(await ask(s.url + path + '?mine=s3cret&sig=x', { headers: { 'x-tenant': 'blue', 'user-agent': path === '/a' ? 'googlebot' : 'curl' } }))
      for (const path of ['/a', '/ignored']) out.push(await (await fetch(s.url + path, { headers: { 'x-tenant': 'blue' } })).text())
      await s.close()
      await settle()
      const spans = telemetry.takeSpans()
        .map(({ name, kind, attributes, status, scope }) => JSON.stringify({ name, kind, status, scope, attributes: Object.fromEntries(Object.entries(attributes).filter(([key, value]) => value !== undefined && !key.endsWith('.port') && !isOddOfFetch(key, value)).map(([key, value]) => [key, typeof value === 'string' ? value.replace(/:\\d{4,5}/, '') : value]).sort()) }))
        .sort().map((text) => JSON.parse(text))
      console.log(JSON.stringify({ out, seen: seen.sort(), spans }))
      process.exit(0)
    }
    main()`
  const { stdout, stderr } = await runScript(bin, undefined, source, {})
  if (stderr !== '' && !stderr.includes('ORG_OTEL_HOOK_FAILED')) throw new Error(stderr)
  return JSON.parse(stdout)
}

const cases: Record<string, string> = {
  'requests to ignore': `{
    http: { ignoreIncomingRequestHook: (request) => request.url.startsWith('/ignored'), ignoreOutgoingRequestHook: (options) => options.path.startsWith('/ignored') },
    undici: { ignoreRequestHook: (request) => request.path.startsWith('/ignored') },
  }`,
  'attributes at the start': `{
    http: { startIncomingSpanHook: (request) => ({ 'app.url': request.url, 'url.path': '/mine', bad: undefined, list: ['a'] }), startOutgoingSpanHook: (options) => ({ 'app.path': options.path, 'app.method': options.method ?? 'GET' }) },
    undici: { startSpanHook: (request) => ({ 'app.path': request.path }) },
  }`,
  'functions called on the way': `{
    http: {
      requestHook: (span, request) => { span.setAttribute('app.request', request.constructor.name) },
      responseHook: (span, response) => { span.setAttribute('app.response', response.constructor.name) },
      applyCustomAttributesOnSpan: (span, request, response) => { span.setAttribute('app.status', response.statusCode); seen.push(request.constructor.name + response.constructor.name) },
    },
    undici: { requestHook: (span, request) => { span.setAttribute('app.request', request.method) }, responseHook: (span, { response }) => { span.setAttribute('app.status', response.statusCode) } },
  }`,
  'functions that throw': `{
    http: { requestHook() { throw new Error('mine') }, responseHook() { throw new Error('mine') }, startIncomingSpanHook() { throw new Error('mine') }, ignoreIncomingRequestHook() { throw new Error('mine') }, ignoreOutgoingRequestHook() { throw new Error('mine') }, applyCustomAttributesOnSpan() { throw new Error('mine') } },
    undici: { requestHook() { throw new Error('mine') }, responseHook() { throw new Error('mine') } },
  }`,
  'headers to capture': `{
    http: { headersToSpanAttributes: { server: { requestHeaders: ['X-Tenant'], responseHeaders: ['x-answer'] }, client: { requestHeaders: ['x-tenant'], responseHeaders: ['X-Answer'] } } },
    undici: { headersToSpanAttributes: { requestHeaders: ['x-tenant'], responseHeaders: ['x-answer'] } },
  }`,
  'other query keys': `{ http: { redactedQueryParams: ['mine'], redactedQueryParamsServer: ['mine'] } }`,
  'no incoming': `{ http: { disableIncomingRequestInstrumentation: true } }`,
  'no outgoing': `{ http: { disableOutgoingRequestInstrumentation: true } }`,
  'spans with a parent only': `{ http: { requireParentforOutgoingSpans: true, requireParentforIncomingSpans: true }, undici: { requireParentforSpans: true } }`,
  'synthetic sources': `{ http: { enableSyntheticSourceDetection: true } }`,
}

it.each(Object.entries(cases))('%s: as upstream', async (_name, options) => {
  const [upstream, ours] = await Promise.all([
    spansUnder(upstreamPreload, options),
    spansUnder(built.preload, options),
  ])
  expect(ours).toEqual(upstream)
})
