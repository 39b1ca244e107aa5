import { redactText } from './text.ts'

it.each([
  // URLs and connection strings
  [
    'GET https://me:pw@shop.example/pay?token=abc&n=1 failed',
    'GET https://REDACTED:REDACTED@shop.example/pay?token=REDACTED&n=1 failed',
  ],
  ['postgres://app:s3cret@db/shop', 'postgres://REDACTED:REDACTED@db/shop'],
  ['postgres://app:p/w?x#y@z@db/shop', 'postgres://REDACTED:REDACTED@db/shop'],
  ['redis://:pw@host:6379', 'redis://REDACTED:REDACTED@host:6379'],
  ['mongodb+srv://u:p@a,b/x', 'mongodb+srv://REDACTED:REDACTED@a,b/x'],
  ['amqp://guest:guest@rabbit', 'amqp://REDACTED:REDACTED@rabbit'],
  ['user:hunter2@127.0.0.1:4318', 'REDACTED:REDACTED@127.0.0.1:4318'],
  [
    'Server=db;Database=shop;User Id=sa;Password=p w;Encrypt=true',
    'Server=db;Database=shop;User Id=sa;Password=REDACTED;Encrypt=true',
  ],
  ['host=db user=app password=hunter2 dbname=shop', 'host=db user=app password=REDACTED dbname=shop'],
  ['see https://medium.com/@user and a@b.example', 'see https://medium.com/@user and a@b.example'],
  ['npm:express@4.22.3 /x/node_modules/@org/otel', 'npm:express@4.22.3 /x/node_modules/@org/otel'],
  ['https://app/#access_token=abc&state=1', 'https://app/#access_token=REDACTED&state=1'],
  // key and value
  ['password=hunter2', 'password=REDACTED'],
  ['password = hunter2, retrying', 'password = REDACTED retrying'],
  ['pwd: hunter2', 'pwd: REDACTED'],
  ['{"password":"hunter2","n":1}', '{"password":"REDACTED","n":1}'],
  ["{ token: 'a\\'b', n: 1 }", "{ token: 'REDACTED', n: 1 }"],
  ['"{\\"secret\\":\\"hunter2\\"}"', '"{\\"secret\\":\\"REDACTED\\"}"'],
  ['DB_PASSWORD=hunter2 node .', 'DB_PASSWORD=REDACTED node .'],
  ['Authorization: Bearer abc.DEF', 'Authorization: REDACTED'],
  ['cookie: sid=1; theme=2\nnext', 'cookie: REDACTED\nnext'],
  ['token: Bearer abcDEF1 next', 'token: REDACTED next'],
  ['sent Bearer abcDEF12345', 'sent Bearer REDACTED'],
  ['sent basic dXNlcjpwdw==', 'sent basic REDACTED'],
  ['basic authentication and a bearer token', 'basic authentication and a bearer token'],
  ['got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln!', 'got REDACTED!'],
  [
    '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----',
    '-----BEGIN RSA PRIVATE KEY----- REDACTED -----END RSA PRIVATE KEY-----',
  ],
  [
    '-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----',
    '-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----',
  ],
  ['mysql --user root --password hunter2 -e x', 'mysql --user root --password REDACTED -e x'],
  // nothing to hide
  ['', ''],
  ['timeout: 5000 ms', 'timeout: 5000 ms'],
  ['code=ECONNREFUSED key=5', 'code=ECONNREFUSED key=5'],
  ['Unexpected token } in JSON', 'Unexpected token } in JSON'],
  ['password == null', 'password == null'],
  ['password => {}', 'password => {}'],
  ['Mozilla/5.0 (X11; Linux x86_64)', 'Mozilla/5.0 (X11; Linux x86_64)'],
  ['at f (file:///app/x.mjs?v=1:3:5)', 'at f (file:///app/x.mjs?v=1:3:5)'],
])('%s is shown as %s', (text, expected) => {
  expect(redactText(text)).toBe(expected)
  // What is clean stays as it is.
  expect(redactText(expected)).toBe(expected)
})
