import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { renderDiag, renderSecondSdk } from './diag.ts'

describe('renderDiag', () => {
  test('puts a message and its arguments on one line of text', () => {
    expect(renderDiag('export failed', [{ code: 14 }, 'again'])).toBe('export failed {"code":14} again')
  })

  test('survives arguments that cannot be printed', () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    const hostile = {
      toJSON() {
        throw new Error('no')
      },
    }
    expect(renderDiag('a', [cycle, hostile, 1n, Symbol('s'), undefined])).toBe(
      'a [unprintable] [unprintable] 1 Symbol(s) undefined',
    )
  })

  test('never writes more than about two thousand characters', () => {
    expect(renderDiag('x'.repeat(1_000_000), []).length).toBeLessThan(2100)
  })
})

describe('renderSecondSdk', () => {
  const stack = (api: string) =>
    `Error: @opentelemetry/api: Attempted duplicate registration of API: ${api}
    at registerGlobal (/srv/node_modules/@opentelemetry/api/build/src/internal/global-utils.js:34:21)
    at NodeSDK.start (/srv/node_modules/@opentelemetry/sdk-node/build/src/sdk.js:109:17)
    at Object.<anonymous> (/srv/src/tracing.js:12:5)
    at Module._compile (node:internal/modules/cjs/loader:1929:14)`

  test('names the place that starts the other SDK, with the same words for each part of the API', () => {
    expect(renderSecondSdk(stack('trace'))).toMatch(/of its own \(\/srv\/src\/tracing\.js:12:5\); ours stays/)
    expect(renderSecondSdk(stack('metrics'))).toBe(renderSecondSdk(stack('trace')))
  })

  test('does without a place, knows those of ES modules, and leaves other messages alone', () => {
    const [first = ''] = stack('trace').split('\n')
    expect(renderSecondSdk(first)).toMatch(/of its own; ours/)
    expect(renderSecondSdk(`${first}\n    at file:///srv/app.mjs:3:1`)).toContain('(file:///srv/app.mjs:3:1)')
    expect(renderSecondSdk('export failed at /srv/a.js:1:1')).toBeUndefined()
  })
})

test('a message of the API reaches stderr with its code, nothing reaches stdout, and the level is respected', () => {
  const script = `
    import { diag, DiagLogLevel } from '@opentelemetry/api'
    import { diagLogger } from ${JSON.stringify(join(__dirname, 'diag.ts'))}
    diag.setLogger(diagLogger, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true })
    diag.warn('collector says no', { status: 401 })
    diag.debug('too quiet to hear')
  `
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: __dirname,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  expect(run.stderr).toBe('[otel] ORG_OTEL_DIAG collector says no {"status":401}\n')
  expect(run.stdout).toBe('')
  expect(run.status).toBe(0)
})
