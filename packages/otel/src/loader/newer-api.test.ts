// A real copy of the API with the version of one that does not exist yet, in a real process.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const home = realpathSync(mkdtempSync(join(tmpdir(), 'newer-api-')))
const copy = join(home, 'node_modules/@opentelemetry/api')
const ours = dirname(dirname(require.resolve('@opentelemetry/api')))

beforeAll(() => {
  cpSync(realpathSync(ours), copy, { recursive: true })
  for (const file of readdirSync(copy, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(cjs|json)$/.test(file)) continue
    const path = join(copy, file)
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('"1.10.0"', '"1.11.0"'))
  }
})
afterAll(() => rmSync(home, { recursive: true }))

function run(accepted: string): { recording: boolean; found: string[] } {
  const source = (file: string) => JSON.stringify(join(__dirname, file))
  const program = `
    import { createRequire } from 'node:module'
    import { findNewerApis } from ${source('newer-api.ts')}
    import { LeanTracerProvider } from ${source('../tracing/provider.ts')}
    import { publishApi } from ${source('../tracing/publish.ts')}
    publishApi({ tracerProvider: new LeanTracerProvider({ sink: { add() {} } }) })
    const { trace } = createRequire(${JSON.stringify(join(home, 'app.js'))})('@opentelemetry/api')
    const recording = trace.getTracer('t').startSpan('s').isRecording()
    console.log(JSON.stringify({ recording, found: findNewerApis(${JSON.stringify(accepted)}) }))`
  const file = join(home, 'program.mjs')
  writeFileSync(file, program)
  const output = execFileSync(process.execPath, ['--conditions=@org/source', file], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
  })
  return JSON.parse(output)
}

test('spans of an API that is newer than ours record nothing, and that copy is found', () => {
  expect(run('1.10.0')).toEqual({ recording: false, found: [`1.11.0 in ${copy}`] })
})

test('a copy that what is registered is good enough for is not spoken about', () => {
  expect(run('1.11.0').found).toEqual([])
})
