import { app, bundle, node, run } from './loader-process.ts'

jest.setTimeout(60_000)

interface Answer {
  path: string
  status: number
  body: string
  spans: {
    scope: string
    name: string
    parentId?: string
    spanId: string
    attributes: Record<string, string>
  }[]
}

async function answers(args: string[]): Promise<Record<string, Answer>> {
  const ran = await run(node(24), [...args, app('fastify.cjs')])
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  const lines = ran.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Answer)
  return Object.fromEntries(lines.map(line => [line.path, line]))
}

describe('fastify', () => {
  const traced = answers(['--require', bundle('start')])
  const plain = answers([])

  it('answers exactly as without us', async () => {
    const strip = (all: Record<string, Answer>) =>
      Object.values(all).map(({ path, status, body }) => ({ path, status, body }))
    expect(strip(await traced)).toEqual(strip(await plain))
  })

  it.each([
    ['/returns/7', '/returns/:id', 'request handler - returns'],
    ['/sends', '/sends', 'request handler - anonymous'],
    ['/later', '/later', 'request handler - later'],
    ['/query', '/query', 'request handler - query'],
    ['/throws', '/throws', 'request handler - throws'],
    ['/throws-at-once', '/throws-at-once', 'request handler - throwsAtOnce'],
    ['/nested/1', '/nested/:id', 'request handler - anonymous'],
    ['/both', '/both', 'request handler - anonymous'],
  ])('%s has the route %s and one handler span inside the request', async (path, route, name) => {
    const { spans } = (await traced)[path]!
    const request = spans.find(span => span.scope === 'http')!
    const handlers = spans.filter(span => span.scope === '@org/otel/fastify')
    expect(request.attributes['http.route']).toBe(route)
    expect(handlers).toHaveLength(1)
    expect(handlers[0]).toMatchObject({ name, parentId: request.spanId, attributes: { 'http.route': route } })
  })

  it('runs a query that is returned once', async () => {
    expect((await traced)['/query']!.body).toBe('{"runs":1}')
  })

  it.each([
    ['/validates', '/validates'],
    ['/guarded', '/guarded'],
  ])('%s, refused before its handler, has its route and no handler span', async (path, route) => {
    const { spans } = (await traced)[path]!
    expect(spans.map(span => span.scope)).toEqual(['http'])
    expect(spans[0]!.attributes['http.route']).toBe(route)
  })

  it('a path without a route has none', async () => {
    const { spans, status } = (await traced)['/nowhere']!
    expect(status).toBe(404)
    expect(spans.find(span => span.scope === 'http')!.attributes).not.toHaveProperty('http.route')
  })
})
