// The promise: a request has the route that a person would say it has, whoever answered it in the end.
import { join } from 'node:path'
import type { Attributes } from '@org/otel-devtools'
import { type App, runApp } from '@org/otel-devtools/testing'
import { nodePath } from '../../scripts/nodes.mjs'

const cwd = join(__dirname, '..')
jest.setTimeout(60_000)

/** What is asked for, the status, and the route; undefined: none. */
type Row = [path: string, status: number, route: string | undefined]

const express: Row[] = [
  ['/orders/7', 200, '/orders/:id'],
  ['/orders/7/later', 200, '/orders/:id/later'],
  ['/orders/mounted', 200, '/orders/:id'],
  ['/orders/caught', 200, '/orders/:id'],
  ['/several/1', 200, '/several/:second'],
  ['/narrow/1/2', 200, '/narrow/:a/:b'],
  ['/declined/1', 200, '/declined/:other'],
  ['/skipped/1', 200, '/skipped/:id'],
  ['/all/1', 200, '/all/:id'],
  ['/chained/1', 200, '/chained/:id'],
  ['/listed/1', 200, '/lists/:a,/listed/:a'],
  ['/pattern/12', 200, '/^\\/pattern\\/(\\d+)$/'],
  ['/answered/1', 200, '/answered/:id'],
  ['/streamed/1', 200, '/streamed/:id'],
  ['/streaming/1', 200, '/streaming/:id'],
  ['/api/orders/7', 200, '/api/orders/:id'],
  ['/api/answered/7', 200, '/api/answered/:id'],
  ['/api/left/7', 200, '/api/left/:id'],
  ['/api/fails/7', 500, '/api/fails/:id'],
  ['/api/jo/items/3', 200, '/api/:user/items/:item'],
  ['/api/jo', 200, '/api/:user'],
  ['/v2/orders/7', 200, '/v1,/v2/orders/:id'],
  ['/bare/1', 200, '/bare/:id'],
  ['/admin/stats/today', 200, '/admin/stats/:day'],
  ['/admin/again/today', 200, '/admin/stats/:day'],
  ['/tree/branch/branch/leaf/1', 200, '/tree/branch/branch/leaf/:id'],
  ['/old/7', 200, '/orders/:id'],
  ['/moved/7', 200, '/orders/:id'],
  ['/moved/7/router', 200, '/orders/:id'],
  ['/moving/moved/7', 200, '/orders/:id'],
  ['/moving/inside/7', 200, '/moving/target/:id'],
  ['/moving/rewritten/7', 200, '/moving/target/:id'],
  ['/forward/7', 200, '/forwarded/:id'],
  ['/people/jo', 200, '/people/:person'],
  ['/people/jo/mail', 200, '/people/:person/mail'],
  ['/people/slow', 200, '/people/:person'],
  ['/people/none', 404, '/people/:person'],
  ['/people/bad/mail', 500, '/people/:person/mail'],
  ['/throws/1', 500, '/throws/:id'],
  ['/passes/1', 500, '/passes/:id'],
  ['/rejects/1', 500, '/rejects/:id'],
  ['/prepared/fails', 500, '/prepared/:id'],
  ['/unhandled/1', 500, '/unhandled/:id'],
  ['/responds/self', 200, '/responds'],
  ['/missing/1', 404, '/missing'],
  // No route ran, or none of those that ran led to an answer.
  ['/logo.txt', 200, undefined],
  ['/nothing', 404, undefined],
  ['/api', 404, undefined],
  ['/not-found', 404, undefined],
  ['/recovering/1', 404, undefined],
  ['/nobody/1', 404, undefined],
  ['/elsewhere', 404, undefined],
]

const fastify: Row[] = [
  ['/orders/7', 200, '/orders/:id'],
  ['/orders/7?hook=onRequest', 200, '/orders/:id'],
  ['/orders/8?hook=preHandler', 200, '/orders/:id'],
  ['/fails/7', 500, '/fails/:id'],
  ['/gone/7', 404, '/gone/:id'],
  ['/streamed/7', 200, '/streamed/:id'],
  ['/files/a/b', 200, '/files/*'],
  ['/api/orders/7', 200, '/api/orders/:id'],
  ['/api/items/7', 200, '/api/items/:item'],
  ['/api/none', 404, undefined],
  ['/none', 404, undefined],
]

const koa: Row[] = [
  ['/orders/7', 200, '/orders/:id'],
  ['/several/7', 200, '/several/:second'],
  ['/fails/7', 500, '/fails/:id'],
  ['/nested/jo/items/7', 200, '/nested/:user/items/:item'],
  ['/api/orders/7', 200, '/api/orders/:id'],
  ['/api/none', 404, undefined],
  ['/none', 404, undefined],
]

const hapi: Row[] = [
  ['/orders/7', 200, '/orders/{id}'],
  ['/orders/late', 200, '/orders/{id}'],
  ['/fails/7', 500, '/fails/{id}'],
  ['/files/a/b', 200, '/files/{path*}'],
  ['/api/orders/7', 200, '/api/orders/{id}'],
  ['/api/none', 404, undefined],
]

const restify: Row[] = [
  ['/orders/7', 200, '/orders/:id'],
  ['/fails/7', 500, '/fails/:id'],
  ['/none', 404, undefined],
]

const frameworks: [name: string, file: string, args: string[], rows: Row[]][] = [
  ['express 5', 'express.cjs', ['express'], express],
  ['express 4', 'express.cjs', ['express4'], express],
  ['fastify', 'fastify.cjs', [], fastify],
  ['koa', 'koa.cjs', [], koa],
  ['hapi', 'hapi.cjs', [], hapi],
  ['restify', 'restify.cjs', [], restify],
]

const targetOf = ({ attributes }: { attributes: Attributes }): string =>
  `${attributes['url.path']}${attributes['url.query'] === undefined ? '' : `?${attributes['url.query']}`}`

describe.each(frameworks)('%s', (_name, file, args, rows) => {
  let app: App
  const statuses = new Map<string, number>()
  beforeAll(async () => {
    app = await runApp(join(cwd, 'apps/routes', file), {
      cwd,
      args,
      node: nodePath(24),
      env: { OTEL_METRIC_EXPORT_INTERVAL: '60000' },
    })
    for (const [path] of rows) statuses.set(path, (await app.get(path)).status)
    await app.stop()
  })
  afterAll(() => app.dispose())

  test.each(rows)('%s is answered with %i and has the route %s', async (path, status, route) => {
    expect(statuses.get(path)).toBe(status)
    const found = app.receiver.store.spans().filter(span => span.kind === 'server' && targetOf(span) === path)
    expect(found.map(span => [span.name, span.attributes['http.route']])).toEqual([
      [route === undefined ? 'GET' : `GET ${route}`, route],
    ])
  })

  it('the duration is measured under the same routes', () => {
    const counts = (routes: (string | undefined)[]) => {
      const out: Record<string, number> = {}
      for (const route of routes) out[`${route}`] = (out[`${route}`] ?? 0) + 1
      return out
    }
    const measured = app.receiver.store
      .metrics('http.server.request.duration')
      .flatMap(({ attributes, points }) =>
        Array<string | undefined>((points.at(-1) as { count: number }).count).fill(
          attributes['http.route'] as string | undefined,
        ),
      )
    expect(counts(measured)).toEqual(counts(rows.map(([, , route]) => route)))
  })

  it('nothing of ours failed', () => {
    expect(app.stderr).not.toMatch(/ORG_OTEL_|Error/)
  })
})
