import { isEverywhere, RoutePlace } from './route-place.ts'

it.each<[string, unknown, string]>([
  ['', '/users/:id', '/users/:id'],
  ['/api', '/users/:id', '/api/users/:id'],
  ['/api', '/', '/api'],
  ['', '/', '/'],
  ['/api/', '/users', '/api/users'],
  ['', 'users', '/users'],
  ['', '*', '*'],
  ['/files', '/*path', '/files/*path'],
  ['', ['/a', ['/b', /^\/c/]], '/a,/b,/^\\/c/'],
  ['', /^\/x(\d+)$/, '/^\\/x(\\d+)$/'],
])('inside %j the path %p makes %j', (outer, path, expected) => {
  const place = new RoutePlace(path, false)
  expect(place.join(outer)).toBe(expected)
  expect(place.join(outer)).toBe(expected)
})

it('a router mounted in two places has two routes', () => {
  const place = new RoutePlace('/:id', false)
  expect([place.join('/a'), place.join('/b'), place.join('/a')]).toEqual(['/a/:id', '/b/:id', '/a/:id'])
})

it.each<[unknown, boolean]>([
  [() => {}, true],
  [[() => {}, () => {}], true],
  ['/', true],
  ['*', true],
  ['/*', true],
  ['/{*path}', true],
  ['/healthz', false],
  [['/', '/healthz'], false],
  [/^\/x/, false],
])('middleware for %p runs for everything: %p', (path, expected) => {
  expect(isEverywhere(path)).toBe(expected)
})

it.each<[unknown, boolean]>([
  ['*', true],
  ['/*', true],
  ['(.*)', true],
  ['/(.*)', true],
  ['/*path', true],
  ['/{*path}', true],
  ['{/*path}', true],
  [/.*/, true],
  [/^\/(.*)$/, true],
  [/^\/.*\/?$/, true],
  [['*', '/*path'], true],
  ['/', false],
  ['', false],
  [[], false],
  ['/files/*path', false],
  ['/:path', false],
  [['*', '/healthz'], false],
  [/^\/x(.*)$/, false],
  [/^\/api\/.*$/, false],
])('a route for %p is one for everything: %p', (path, expected) => {
  expect(new RoutePlace(path, false).isCatchAll).toBe(expected)
})
