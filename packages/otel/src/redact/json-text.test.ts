import { redactJsonLiterals } from './json-text.ts'

it.each([
  [
    '{"email":"a@b","age":{"$gt":30},"x":[1,"y",true,null]}',
    '{"email":"?","age":{"$gt":?},"x":[?,"?",true,null]}',
  ],
  ['{"find":"?"}', '{"find":"?"}'],
  ["db.users.find({ 'mail' : 'a@b' })", "db.users.find({ 'mail' : '?' })"],
  [
    'POST /users2/_search {"query":{"match":{"name":"bob"}}}',
    'POST /users2/_search {"query":{"match":{"name":"?"}}}',
  ],
  ['{ user(id: 5, mail: "a@b") { name } }', '{ user(id: ?, mail: "?") { name } }'],
  ['{ user(text: """a "b" c""") { n1 } }', '{ user(text: "?") { n1 } }'],
  ['{"a":"not closed', '{"a":"?"'],
  ['{"a":"x\\"y","b":-1.5e-3}', '{"a":"?","b":-?}'],
  ['', ''],
])('%s is shown as %s', (text, expected) => {
  expect(redactJsonLiterals(text)).toBe(expected)
})
