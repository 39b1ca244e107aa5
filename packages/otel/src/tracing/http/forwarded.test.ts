import { parseForwarded, readForwardedClient, readForwardedServer } from './forwarded.ts'

it.each([
  ['for=192.0.2.60;proto=http;by=203.0.113.43', [{ for: '192.0.2.60', proto: 'http' }]],
  ['For="[2001:db8:cafe::17]:4711"', [{ for: '[2001:db8:cafe::17]:4711' }]],
  ['for=a, for=b;host="h,;\\"x"', [{ for: 'a' }, { for: 'b', host: 'h,;"x' }]],
  ['host=a ; proto=https', [{ host: 'a', proto: 'https' }]],
  ['', [{}]],
  ['for=;;', []],
  ['for', []],
  ['for="open', []],
  ['=x', []],
])('Forwarded: %s is read as %j', (header, elements) => {
  expect(parseForwarded(header)).toEqual(elements)
})

it('a header of a megabyte costs nothing and says nothing', () => {
  const header = 'for=a,'.repeat(200_000)
  const before = performance.now()
  expect(parseForwarded(header)).toEqual([])
  expect(readForwardedClient({ 'x-forwarded-for': header })).toBeUndefined()
  expect(performance.now() - before).toBeLessThan(20)
})

it('Forwarded is preferred to X-Forwarded-*, the first that names a host or client counts', () => {
  const headers = {
    forwarded: 'proto=https, for=B;host=b.example:81',
    'x-forwarded-for': 'c',
    'x-forwarded-host': 'c.example',
  }
  expect(readForwardedClient(headers)).toBe('b')
  expect(readForwardedServer(headers)).toEqual({ address: 'b.example', port: 81 })
})

it('X-Forwarded-Proto gives the port that X-Forwarded-Host leaves out', () => {
  expect(readForwardedServer({ 'x-forwarded-host': 'a', 'x-forwarded-proto': 'https' })).toEqual({
    address: 'a',
    port: 443,
  })
})
