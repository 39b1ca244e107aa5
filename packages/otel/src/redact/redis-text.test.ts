import { printCommand, redactCommandText } from './redis-text.ts'

it.each<[string, readonly unknown[], string]>([
  ['get', [], 'get'],
  ['GET', ['user:1'], 'GET user:1'],
  ['set', ['user:1', 's3cret'], 'set user:1 [1 other arguments]'],
  ['set', ['user:1', 's3cret', 'EX', 60], 'set user:1 [3 other arguments]'],
  ['setex', ['k', 60, 's3cret'], 'setex k [2 other arguments]'],
  ['mset', ['a', 's3cret', 'b', 's3cret'], 'mset a [3 other arguments]'],
  ['hset', ['user:1', 'password', 's3cret', 'pin', 's3cret'], 'hset user:1 password [3 other arguments]'],
  ['hgetall', ['user:1'], 'hgetall user:1'],
  ['lpush', ['jobs', 's3cret'], 'lpush jobs [1 other arguments]'],
  ['lrem', ['jobs', 0, 's3cret'], 'lrem jobs [2 other arguments]'],
  ['sadd', ['tokens', 's3cret'], 'sadd tokens [1 other arguments]'],
  ['srem', ['tokens', 's3cret'], 'srem tokens [1 other arguments]'],
  ['sismember', ['tokens', 's3cret'], 'sismember tokens [1 other arguments]'],
  ['zadd', ['scores', 1, 's3cret'], 'zadd scores [2 other arguments]'],
  ['zscore', ['scores', 's3cret'], 'zscore scores [1 other arguments]'],
  ['zrange', ['scores', 0, -1], 'zrange scores 0 -1'],
  ['xadd', ['stream', '*', 'password', 's3cret'], 'xadd stream [3 other arguments]'],
  ['publish', ['channel', 's3cret'], 'publish channel [1 other arguments]'],
  ['echo', ['s3cret'], 'echo [1 other arguments]'],
  ['ping', ['s3cret'], 'ping [1 other arguments]'],
  ['auth', ['s3cret'], 'auth [1 other arguments]'],
  ['auth', ['me', 's3cret'], 'auth [2 other arguments]'],
  ['hello', [3, 'AUTH', 'me', 's3cret'], 'hello 3 [3 other arguments]'],
  ['config', ['SET', 'requirepass', 's3cret'], 'config SET [2 other arguments]'],
  ['acl', ['SETUSER', 'me', '>s3cret'], 'acl SETUSER [2 other arguments]'],
  ['client', ['SETNAME', 's3cret'], 'client SETNAME [1 other arguments]'],
  ['migrate', ['host', 6379, 'k', 0, 10, 'AUTH', 's3cret'], 'migrate [7 other arguments]'],
  [
    'eval',
    ["return redis.call('set', KEYS[1], 's3cret')", 1, 'k', 's3cret'],
    'eval [script] 1 k [1 other arguments]',
  ],
  [
    'EVALSHA',
    ['6b1bf4', 2, 'bull:mail:wait', 'bull:mail:id', 's3cret'],
    'EVALSHA 6b1bf4 2 bull:mail:wait bull:mail:id [1 other arguments]',
  ],
  [
    'evalsha',
    ['6b1bf4', '1', 'k', Buffer.from([0x82, 0xa5, 0x65])],
    'evalsha 6b1bf4 1 k [1 other arguments]',
  ],
  ['fcall', ['enqueue', 1, 'k', 's3cret'], 'fcall enqueue 1 k [1 other arguments]'],
  ['evalsha', ['6b1bf4', 's3cret'], 'evalsha 6b1bf4 [1 other arguments]'],
  ['script', ['LOAD', "return 's3cret'"], 'script LOAD [1 other arguments]'],
  ['json.set', ['user:1', '$', '{"password":"s3cret"}'], 'json.set user:1 [2 other arguments]'],
  ['ft.search', ['idx', 's3cret'], 'ft.search [2 other arguments]'],
  ['unheard.of', ['s3cret'], 'unheard.of [1 other arguments]'],
  // Keys have people in them.
  ['get', ['user:alice@example.com:4111111111111111'], 'get user:REDACTED:REDACTED'],
  ['get', [Buffer.from('k'), ['a', 'b'], 5, { toString: () => 's3cret' }], 'get k a,b 5 ?'],
])('%s %j is printed as %s', (name, args, expected) => {
  expect(printCommand(name, args)).toBe(expected)
  // Printed by somebody else it is not changed a second time.
  expect(redactCommandText(expected)).toBe(expected)
})

it('what is no list of arguments is not printed', () => {
  expect(printCommand('get', undefined)).toBe('get')
})

it.each([
  ['HSET user:1 password hunter2', 'HSET user:1 password [other arguments]'],
  ['set k a value with spaces', 'set k [other arguments]'],
  ['EVAL return 1 0 hunter2', 'EVAL [other arguments]'],
  ['EVALSHA 6b1bf4 1 k hunter2', 'EVALSHA 6b1bf4 1 k [other arguments]'],
  ['set key 0 0 7\r\nhunter2\r\n', 'set key [other arguments]'],
  ['get key', 'get key'],
  ['AUTH hunter2', 'AUTH [other arguments]'],
  ['', ''],
])('the text %j of another instrumentation becomes %j', (text, expected) => {
  expect(redactCommandText(text)).toBe(expected)
})
