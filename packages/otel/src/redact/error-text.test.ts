import { redactError } from './error-text.ts'
import { defaultKeys } from './secret-key.ts'

it.each<[string | undefined, string, string]>([
  [undefined, 'Key (email)=(alice@example.com) already exists.', 'Key (email)=(?) already exists.'],
  [
    undefined,
    'Key (a, b)=(x(1), y) is not present in table "t".',
    'Key (a, b)=(?) is not present in table "t".',
  ],
  [undefined, 'Failing row contains (1, alice, null).', 'Failing row contains (?)'],
  [undefined, 'invalid input syntax for type integer: "s3cret"', 'invalid input syntax for type integer: ?'],
  [undefined, 'relation "users" does not exist', 'relation "users" does not exist'],
  [
    undefined,
    'duplicate key value violates unique constraint "users_email_key"',
    'duplicate key value violates unique constraint "users_email_key"',
  ],
  [undefined, 'syntax error at or near "s3cret"', 'syntax error at or near ?'],
  [undefined, "Duplicate entry 's3cret' for key 'users.email'", "Duplicate entry ? for key 'users.email'"],
  [
    undefined,
    "Incorrect integer value: 's3cret' for column 'n' at row 1",
    "Incorrect integer value: ? for column 'n' at row 1",
  ],
  [
    undefined,
    "You have an error in your SQL syntax; check the manual for the right syntax to use near 's3cret' at line 1",
    'You have an error in your SQL syntax; check the manual for the right syntax to use near ? at line 1',
  ],
  [undefined, 'The duplicate key value is (s3cret).', 'The duplicate key value is (?).'],
  [
    undefined,
    'E11000 duplicate key error collection: shop.users index: email_1 dup key: { email: "s3cret" }',
    'E11000 duplicate key error collection: shop.users index: email_1 dup key: { ? }',
  ],
  [
    undefined,
    'Failed query: select * from "u" where "m" = $1\nparams: s3cret,1',
    'Failed query: select * from ? where ? = $1\nparams: ?',
  ],
  [undefined, "select 's3cret' as mail - boom", 'select ? as mail - boom'],
  [undefined, "select 'a - s3cret' as mail - boom", 'select ? as mail - boom'],
  [
    'postgresql',
    `insert into "users" ("mail") values ('s3cret') - invalid input syntax for type integer: "s3cret"`,
    'insert into "users" ("mail") values (?) - invalid input syntax for type integer: ?',
  ],
  [
    'mysql',
    `update users set mail = "s3cret" where id = 5 - ER_X: nope`,
    'update users set mail = ? where id = ? - ER_X: nope',
  ],
  ['mysql', "Unknown column 'mail' in 'field list'", "Unknown column 'mail' in 'field list'"],
  [
    'mssql',
    "Conversion failed when converting the varchar value 's3cret' to data type int.",
    'Conversion failed when converting the varchar value ? to data type int.',
  ],
  [
    undefined,
    'Int cannot represent non-integer value: "s3cret"',
    'Int cannot represent non-integer value: ?',
  ],
  [
    undefined,
    'mail to alice@example.com failed, card 4111 1111 1111 1111',
    'mail to REDACTED failed, card REDACTED',
  ],
  [undefined, 'connect ECONNREFUSED 127.0.0.1:5432', 'connect ECONNREFUSED 127.0.0.1:5432'],
  [
    undefined,
    'order 1234567890123456 of 1764312985000 and 0.4111111111111111',
    'order 1234567890123456 of 1764312985000 and 0.4111111111111111',
  ],
  [
    undefined,
    "error: select 's3cret' - boom\n    at f (/app/node_modules/.pnpm/express@5.1.0/x.js:1:2)",
    'error: select ? - boom\n    at f (/app/node_modules/.pnpm/express@5.1.0/x.js:1:2)',
  ],
])('%s: %s is shown as %s', (system, text, expected) => {
  expect(redactError(text, defaultKeys, system)).toBe(expected)
  expect(expected).not.toContain('s3cret')
})
