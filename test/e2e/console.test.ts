// The console as a logger, opt-in: however a program gets hold of it, on every Node we support.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { nodes } from '../../packages/otel/test/http/run.ts'

const preload = join(__dirname, '../../packages/otel/dist/register.cjs')
const inside = ['global', 'named', 'default']
const programs = {
  esm: `import { log } from 'node:console'
    import other from 'console'
    import { trace } from '@opentelemetry/api'
    trace.getTracer('x').startActiveSpan('s', span => {
      console.log('global'); log('named'); other.info('default'); span.end()
    })
    console.log('outside')`,
  cjs: `const { log } = require('node:console')
    const { trace } = require('@opentelemetry/api')
    trace.getTracer('x').startActiveSpan('s', span => {
      console.log('global'); log('named'); require('console').info('default'); span.end()
    })
    console.log('outside')`,
}

const cases = nodes.flatMap(({ version, bin }) =>
  (['esm', 'cjs'] as const).flatMap(kind =>
    ['--require', '--import'].map(how => [version, kind, how, bin] as const),
  ),
)

function run(kind: 'esm' | 'cjs', how: string, bin: string, mode: string): string[] {
  const input = kind === 'esm' ? ['--input-type=module'] : ['--input-type=commonjs']
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'none',
    ORG_OTEL_LOG_CONSOLE: mode,
  }
  return execFileSync(bin, [how, preload, ...input, '--eval', programs[kind]], {
    cwd: join(__dirname, '..'),
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .trim()
    .split('\n')
}

test.each(cases)(
  'Node %s, %s, %s: lines inside a span have its ids, the others none',
  (_, kind, how, bin) => {
    const appended = run(kind, how, bin, 'append')
    const ids = / trace_id=[0-9a-f]{32} span_id=[0-9a-f]{16} trace_flags=01$/
    expect(appended.map(line => line.replace(ids, ''))).toEqual([...inside, 'outside'])
    expect(appended.map(line => ids.test(line))).toEqual([true, true, true, false])
    const structured = run(kind, how, bin, 'structured').map(line => JSON.parse(line))
    expect(structured.map(({ message, level }) => [message, level])).toEqual(
      [...inside, 'outside'].map(message => [message, 'info']),
    )
    expect(structured.map(({ trace_id }) => typeof trace_id)).toEqual([
      'string',
      'string',
      'string',
      'undefined',
    ])
  },
)
