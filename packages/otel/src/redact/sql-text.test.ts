import { readOperation, redactLiterals, Statement, Statements } from './sql-text.ts'

describe('every literal becomes a question mark, and nothing else does', () => {
  it.each([
    [
      "SELECT * FROM users WHERE email = 'a@b.example' AND age > 30",
      'SELECT * FROM users WHERE email = ? AND age > ?',
    ],
    ["SELECT 'it''s', ''", 'SELECT ?, ?'],
    ["SELECT E'a\\'b', e'\\\\' , 'after'", 'SELECT ?, ? , ?'],
    ["SELECT B'101', x'ff', U&'d\\0061t', N'n'", 'SELECT ?, ?, ?, ?'],
    ["SELECT $$it's$$, $tag$ $$ $tag$, 1", 'SELECT ?, ?, ?'],
    ['SELECT $1, $2::int', 'SELECT $1, $2::int'],
    ['SELECT 1.5e-10, .5, 0xFF, 1_000, -7', 'SELECT ?, ?, ?, ?, -?'],
    ['SELECT col1, t2.c3, int4(5), a$1 FROM t_4', 'SELECT col1, t2.c3, int4(?), a$1 FROM t_4'],
    ['SELECT "quoted 1", "it""s \'2\'" FROM "T 3"', 'SELECT "quoted 1", "it""s \'2\'" FROM "T 3"'],
    ["SELECT 1 -- it's 5\n, 2 /* 'x' 7 */, 3", "SELECT ? -- it's 5\n, ? /* ? 7 */, ?"],
    ["SELECT /* a /* b */ it's */ 's3cret'", "SELECT /* a /* b */ it's */ ?"],
    ['SELECT größe1, 12 FROM straße', 'SELECT größe1, ? FROM straße'],
    ["SELECT null, true, interval '1 day'", 'SELECT null, true, interval ?'],
    ["INSERT INTO t VALUES (1,'a'),(2,'b')", 'INSERT INTO t VALUES (?,?),(?,?)'],
    ['', ''],
  ])('%s', (sql, expected) => {
    expect(redactLiterals(sql, 'postgresql')).toBe(expected)
  })

  it.each([
    ["SELECT * FROM `user's` WHERE mail = 'a@b.example'", "SELECT * FROM `user's` WHERE mail = ?"],
    ['SELECT "it""s", "a\\"b", \'it\\\'s\', \'it\'\'s\'', 'SELECT ?, ?, ?, ?'],
    [
      "SELECT 1 # it's 5\n, 2 -- it's 7\n, 3 /* 'x' */, 4",
      // What is quoted in a comment may be a statement that somebody switched off.
      "SELECT ? # it's 5\n, ? -- it's 7\n, ? /* ? */, ?",
    ],
    // Not a comment: nothing blank follows.
    ["SELECT 5--'3'", 'SELECT ?--?'],
    [
      "SELECT /*!40101 'x' */ 1, /*! 'y' */ 2, /*M!100100 'z' */ 3",
      'SELECT /*!40101 ? */ ?, /*! ? */ ?, /*M!100100 ? */ ?',
    ],
    [
      "SELECT x'ff', X'0A', b'101', N'n', _utf8mb4'é', 0xFF, 0b11, 1.5e3, .5",
      'SELECT ?, ?, ?, ?, _utf8mb4?, ?, ?, ?, ?',
    ],
    ['SELECT ?, :name, @user, col1, t2.c3 FROM t_4', 'SELECT ?, :name, @user, col1, t2.c3 FROM t_4'],
    ["LOAD DATA LOCAL INFILE '/srv/s3cret.csv' INTO TABLE t", 'LOAD DATA LOCAL INFILE ? INTO TABLE t'],
    ['SELECT "s3cret', 'SELECT ?'],
    ["SELECT 's3cret\\", 'SELECT ?'],
  ])('MySQL: %s', (sql, expected) => {
    expect(redactLiterals(sql, 'mysql')).toBe(expected)
  })

  it.each(["SELECT 's3cret", "SELECT E's3cret\\", 'SELECT $x$s3cret', 'SELECT $$s3cret'])(
    'what is not closed is hidden to the end: %s',
    sql => {
      expect(redactLiterals(sql, 'postgresql')).toBe('SELECT ?')
    },
  )

  it.each([
    ['quotes', "'".repeat(1e6)],
    ['one long string', `'${'a'.repeat(1e6)}`],
    ['escapes', `E'${"\\'".repeat(5e5)}`],
    ['dollars', '$a'.repeat(5e5)],
    ['comments', '/*'.repeat(5e5)],
    ['double quotes', '"'.repeat(1e6)],
    ['backticks', '`'.repeat(1e6)],
    ['blanks', ' '.repeat(1e6)],
    ['beginnings', '(;#\n'.repeat(2.5e5)],
    ['digits', '1'.repeat(1e6)],
  ])('a hostile statement of %s takes no time worth mentioning', (_name, sql) => {
    const start = performance.now()
    redactLiterals(sql)
    redactLiterals(sql, 'mysql')
    readOperation(sql)
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('in the dialect of the database', () => {
  it.each<[string | undefined, string, string]>([
    ['mysql', `SELECT "s3cret", 'it\\'s s3cret', \`name\` -- x`, 'SELECT ?, ?, `name` -- x'],
    ['mysql', "SELECT 1 # it's\n, 's3cret'", "SELECT ? # it's\n, ?"],
    ['mysql', "SELECT 5--'s3cret'", 'SELECT ?--?'],
    ['mariadb', "SELECT 'a\\' or ' , 's3cret'", 'SELECT ? , ?'],
    ['postgresql', `SELECT "name", 'a\\', 's3cret', E'\\'s3cret'`, 'SELECT "name", ?, ?, ?'],
    ['mssql', "SELECT [it's], N's3cret'", "SELECT [it's], ?"],
    ['microsoft.sql_server', 'SELECT "name"', 'SELECT "name"'],
    ['oracle', "SELECT q'[it's s3cret]', nq'{s3cret}' FROM dual", 'SELECT ?, ? FROM dual'],
    ['sqlite', 'SELECT * FROM t WHERE a = "s3cret"', 'SELECT * FROM t WHERE a = ?'],
    [
      'cassandra',
      "SELECT * FROM t WHERE id = 550e8400-e29b-41d4-a716-446655440000 // it's\n AND a = $$s3cret$$",
      "SELECT * FROM t WHERE id = ? // it's\n AND a = ?",
    ],
    // Nobody says which: what either would hide is hidden.
    [undefined, `SELECT "s3cret", 'a\\' or ' , 's3cret'`, 'SELECT ?, ?'],
    [undefined, "SELECT 'a\\', 's3cret'", 'SELECT ?'],
    [undefined, "SELECT $$s3cret$$ # it's\n, 's3cret'", 'SELECT ? # it?'],
    ['neverheardof', "SELECT E'\\'s3cret'", 'SELECT ?'],
  ])('%s: %s', (system, sql, expected) => {
    const shown = redactLiterals(sql, system)
    expect(shown).not.toContain('s3cret')
    expect(shown).toBe(expected)
  })
})

it.each([
  ['select * from users', 'SELECT'],
  ['  BEGIN;', 'BEGIN'],
  ['select\n1', 'SELECT'],
  ['-- all\n/* of */ update t set a = 1', 'UPDATE'],
  ['(select 1) union (select 2)', 'SELECT'],
  ["select's3cret'", 'SELECT'],
  ['# all\nselect 1', 'SELECT'],
  ["'s3cret'", ''],
  ['', ''],
])('the operation of %j is %j', (sql, operation) => {
  expect(readOperation(sql)).toBe(operation)
})

it('a statement is named once per database', () => {
  const statement = new Statement('select 1', 'postgresql')
  expect(statement.nameIn('shop')).toBe('pg.query:SELECT shop')
  expect(statement.nameIn(undefined)).toBe('pg.query:SELECT')
  expect(statement.nameIn('shop')).toBe('pg.query:SELECT shop')
})

it('known statements are read once, and their number is bounded', () => {
  const statements = new Statements('postgresql')
  const first = statements.find('SELECT 1')
  expect(statements.find('SELECT 1')).toBe(first)
  for (let i = 0; i < 2000; i++) statements.find(`SELECT ${i}`)
  expect(statements.size).toBeLessThanOrEqual(500)
  const long = `SELECT '${'x'.repeat(10_000)}'`
  expect(statements.find(long)).not.toBe(statements.find(long))
})
