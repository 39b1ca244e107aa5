import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { renderDiag } from './diag.ts'

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
