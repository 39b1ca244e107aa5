// The promise: a TypeScript program that starts us compiles against what is published, however it resolves modules.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const cwd = join(__dirname, '../../packages/otel')
mkdirSync(join(cwd, '.cache'), { recursive: true })
const folder = mkdtempSync(join(cwd, '.cache/types-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = `
import { context, type TextMapPropagator } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BatchSpanProcessor,
  InMemorySpanExporter,
  ParentBasedSampler,
  RandomIdGenerator,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import { type Config, start, type Telemetry, type UserOptions } from '@org/otel'

const propagator: TextMapPropagator = new W3CTraceContextPropagator()
const options: UserOptions = {
  serviceName: 'checkout',
  sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.1) }),
  spanProcessors: [new BatchSpanProcessor({ exporter: new InMemorySpanExporter() })],
  propagator,
  idGenerator: new RandomIdGenerator(),
  instrumentations: { disabled: ['fs'], options: { pg: { enhancedDatabaseReporting: true } } },
}
export const telemetry: Telemetry = start(options)
export const config: Config = telemetry.config
export const name: unknown = config.resource.attributes['service.name']
void telemetry.flush(100).then(() => telemetry.stop())
void context.active()
// @ts-expect-error a ratio is a number or a name, never a truth
start({ sampler: true })
// @ts-expect-error no such option
start({ servicename: 'x' })
`

const projects = [
  { name: 'node16 ESM', file: 'app.mts', module: 'node16', moduleResolution: 'node16' },
  { name: 'node16 CommonJS', file: 'app.cts', module: 'node16', moduleResolution: 'node16' },
  { name: 'nodenext', file: 'app.mts', module: 'nodenext', moduleResolution: 'nodenext' },
  { name: 'bundler', file: 'app.ts', module: 'esnext', moduleResolution: 'bundler' },
]

test.each(projects)(
  'compiles with $name, strict, its library checked too',
  ({ name, file, module, moduleResolution }) => {
    const project = join(folder, name.replace(' ', '-'))
    mkdirSync(project)
    writeFileSync(join(project, file), program)
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module,
          moduleResolution,
          target: 'es2022',
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: false,
          noEmit: true,
          types: ['node'],
        },
        files: [file],
      }),
    )
    const { stdout, status } = spawnSync(join(__dirname, '../../node_modules/.bin/tsc'), ['-p', project], {
      encoding: 'utf8',
    })
    // Other people's declarations are not ours to check.
    const ours = stdout
      .split('\n')
      .filter(line => line.includes('error') && !/node_modules\/(?!@org)/.test(line))
    expect(ours).toEqual([])
    if (!stdout.includes('node_modules')) expect(status).toBe(0)
  },
)
