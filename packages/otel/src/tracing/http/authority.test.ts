import { parseAuthority, renderAuthority, stripPort } from './authority.ts'

it.each([
  ['a.example', 'http', 'a.example', 80],
  ['a.example', 'https', 'a.example', 443],
  ['a.example', undefined, 'a.example', undefined],
  ['a.example:8080', 'http', 'a.example', 8080],
  ['[::1]', 'http', '[::1]', 80],
  ['[::1]:81', 'https', '[::1]', 81],
  ['::1', 'http', '::1', undefined],
  ['a.example:', 'http', 'a.example', undefined],
  ['a.example:port', 'http', 'a.example', undefined],
  ['a.example:99999', 'http', 'a.example', undefined],
  [':81', 'http', '', 81],
  ['', 'http', '', 80],
])('the authority %s over %s is %s port %s', (text, scheme, address, port) => {
  expect(parseAuthority(text, scheme)).toEqual({ address, port })
})

it.each([
  ['a.example', 80, 'http', 'a.example'],
  ['a.example', 443, 'http', 'a.example:443'],
  ['a.example', 443, 'https', 'a.example'],
  ['::1', 8080, 'http', '[::1]:8080'],
  ['[::1]', 80, 'http', '[::1]'],
  ['a.example', undefined, 'http', 'a.example'],
])('%s port %s over %s is written %s', (address, port, scheme, text) => {
  expect(renderAuthority(address, port, scheme)).toBe(text)
})

it.each([
  ['192.0.2.1:80', '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1'],
  ['[2001:db8::1]:80', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['[broken', '[broken'],
  ['unknown', 'unknown'],
])('%s without its port is %s', (text, address) => {
  expect(stripPort(text)).toBe(address)
})
