import { PageBody } from './page-body.ts'

const page = 'a 1\n# EOF\n'

function open(renders = 1, status = 200, type: unknown = 'text/plain'): PageBody {
  const body = new PageBody()
  body.renders = renders
  body.decide(status, type)
  return body
}

test.each<[renders: number, status: number, type: unknown, isPage: boolean]>([
  [1, 200, undefined, true],
  [1, 200, 'text/plain; version=0.0.4', true],
  [1, 200, 'text/html; charset=utf-8', true],
  [1, 206, 'application/openmetrics-text', true],
  [1, 200, 'application/json', false],
  [1, 304, undefined, false],
  [1, 500, 'text/plain', false],
  [0, 200, 'text/plain', false],
])('%i renders, status %i, type %s: a page is %s', (renders, status, type, isPage) => {
  expect(open(renders, status, type).isPage).toBe(isPage)
})

test('a decision stands, and none is made before something was rendered', () => {
  const body = new PageBody()
  expect(body.decide(500, 'text/plain')).toBe(false)
  body.renders = 1
  expect(body.decide(200, 'text/plain')).toBe(true)
  expect(body.decide(500, 'application/json')).toBe(true)
})

test.each<[name: string, chunks: unknown[], expected: string]>([
  ['one page', [page], page],
  ['one page as bytes', [Buffer.from(page)], page],
  ['two pages in one chunk', [page + page.replace('a', 'b')], 'a 1\nb 1\n# EOF\n'],
  ['two pages joined by empty lines', [`${page}\n\nb 1\n# EOF\n`], 'a 1\nb 1\n# EOF\n'],
  ['two pages in two chunks', [page, 'b 1\n# EOF\n'], 'a 1\nb 1\n# EOF\n'],
  ['text behind the page', [page, 'up 1'], 'a 1\nup 1\n# EOF\n'],
  ['an end and nothing more', [page, undefined], page],
  ['bytes behind the page', [page, Buffer.from('up 1\n')], 'a 1\nup 1\n# EOF\n'],
  ['a page cut in two', ['a 1\n# E', 'OF\n'], page],
  ['no page at all', ['hello'], 'hello'],
])('%s', (_name, chunks, expected) => {
  const body = open()
  const last = chunks.length - 1
  const sent = chunks.map((chunk, i) => (i === last ? body.finish(chunk) : body.pass(chunk)))
  expect(
    sent.map(chunk => (chunk === undefined ? '' : Buffer.from(chunk as string).toString())).join(''),
  ).toBe(expected)
})

test('compressed bytes and another body pass untouched, as the same object', () => {
  const bytes = Buffer.from([31, 139, 8, 0, 35, 32])
  expect(open().finish(bytes)).toBe(bytes)
  expect(open().pass(bytes)).toBe(bytes)
  expect(open(1, 200, 'application/json').finish(page + page)).toBe(page + page)
})

test('inner and outer layers may see the same chunk: the second changes nothing', () => {
  const body = open(2)
  const once = body.finish(page + page)
  expect(body.finish(once)).toBe(once)
})
