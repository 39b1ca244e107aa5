import { readRefusal } from './refusal-text.ts'

const protobufStatus = Buffer.concat([Buffer.from([0x08, 3, 0x12, 9]), Buffer.from('no spans!')])

test.each<[string, string, Buffer | string, string]>([
  ['a google.rpc.Status in protobuf', 'application/x-protobuf', protobufStatus, 'no spans!'],
  ['a google.rpc.Status in JSON', 'application/json', '{"code":3,"message":"no spans!"}', 'no spans!'],
  ['an error inside', 'application/json', '{"error":{"message":"tenant unknown"}}', 'tenant unknown'],
  ['a list of errors', 'application/json', '{"errors":["quota reached"]}', 'quota reached'],
  ['JSON that is none', 'application/json', '{"error": oh', '{"error": oh'],
  ['plain text', 'text/plain', 'max size exceeded\r\n', 'max size exceeded'],
  ['the title of a page', 'text/html', '<html><head><title>403 Forbidden</title></head>', '403 Forbidden'],
  ['a page without a title', 'text/html', '<p>go <b>away</b></p>', 'go away'],
  ['control characters', 'text/plain', 'a\u001b[31mb\u0000\nc\u2028d', 'a [31mb c d'],
  ['nothing', 'text/plain', '', ''],
  ['bytes that are no text', '', Buffer.from([0xff, 0xfe, 0x00]), ''],
  [
    'a broken Status',
    'application/x-protobuf',
    Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    expect.any(String) as never,
  ],
])('%s is one clean line', (_, type, body, expected) => {
  expect(readRefusal(type, Buffer.from(body as string), [])).toEqual(expected)
})

test('what we sent to prove who we are does not come back in it', () => {
  const text = 'invalid token s3cr3t-value for Bearer s3cr3t-value; api_key=abcdef123'
  const said = readRefusal('text/plain', Buffer.from(text), ['Bearer s3cr3t-value'])
  expect(said).not.toMatch(/s3cr3t|abcdef123/)
  expect(said).toContain('<hidden>')
})

test('a long page is cut', () => {
  const said = readRefusal('text/html', Buffer.from(`<p>${'x '.repeat(1 << 20)}</p>`), [])
  expect(said).toHaveLength(200)
  expect(said.endsWith('...')).toBe(true)
})
