import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Runs lines of code in a process of their own, because what is tested is what arrives on its stderr. */
function run(body: string, stdio: 'pipe' | 'ignore' = 'pipe') {
  const script = `
    import { say, sayProblem, setLogLevel } from ${JSON.stringify(join(__dirname, 'log.ts'))}
    import { guard, swallowedCount } from ${JSON.stringify(join(__dirname, 'guard.ts'))}
    ${body}
  `
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: __dirname,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', stdio],
    env: { PATH: process.env.PATH },
  })
}

test('the same line is said once, another one again', () => {
  const { stderr } = run(
    `for (let i = 0; i < 3; i++) say('warn', 'CODE', 'same'); say('warn', 'CODE', 'other')`,
  )
  expect(stderr).toBe('[otel] CODE same\n[otel] CODE other\n')
})

test.each([
  ['none', ''],
  ['error', 'e'],
  ['warn', 'ew'],
  ['info', 'ewi'],
  ['debug', 'ewid'],
])('level %s lets through %j', (level, letters) => {
  const { stderr } = run(`
    setLogLevel(${JSON.stringify(level)})
    for (const level of ['error', 'warn', 'info', 'debug']) say(level, 'CODE', level)
  `)
  const heard = stderr.split('\n').map(line => line.replace('[otel] CODE ', '')[0] ?? '')
  expect(heard.join('')).toBe(letters)
})

test('a text with line breaks and terminal sequences stays one harmless line', () => {
  const { stderr } = run(`say('warn', 'CODE', 'a\\r\\n[otel] FAKE b\\u001b[2J\\u0007\\u009bc\\u2028d')`)
  expect(stderr).toBe('[otel] CODE a [otel] FAKE b [2J c d\n')
})

test('what it remembers is bounded', () => {
  // More than it remembers (500). A socket takes a few hundred writes at once, so the reader gets time in between.
  const { stderr } = run(`
    const wait = new Int32Array(new SharedArrayBuffer(4))
    for (let i = 0; i < 600; i++) {
      say('warn', 'CODE', 'line ' + i)
      if (i % 50 === 49) Atomics.wait(wait, 0, 0, 50)
    }
    say('warn', 'CODE', 'line 0')
  `)
  expect(stderr.split('\n')).toHaveLength(602)
})

test('nobody listening on stderr is no reason to fail', () => {
  const { status } = run(
    `
    import { closeSync } from 'node:fs'
    closeSync(2)
    say('error', 'CODE', 'nobody hears this')
    sayProblem({ code: 'CODE', subject: 'a', message: 'b' })
  `,
    'ignore',
  )
  expect(status).toBe(0)
})

test('a failure of ours is swallowed, counted and said, and stdout stays empty', () => {
  const { status, stderr, stdout } = run(`
    const result = guard('here', () => { throw new TypeError('ours') })
    if (result !== undefined || swallowedCount() !== 1) process.exit(1)
    guard('there', () => { throw 'a text' })
    if (guard('fine', () => 7) !== 7 || swallowedCount() !== 2) process.exit(2)
  `)
  expect(status).toBe(0)
  expect(stdout).toBe('')
  expect(stderr).toBe(
    '[otel] ORG_OTEL_INTERNAL here: TypeError: ours; the application is not affected, please report this\n' +
      '[otel] ORG_OTEL_INTERNAL there: a text; the application is not affected, please report this\n',
  )
})
