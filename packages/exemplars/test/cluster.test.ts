// Cluster aggregation in real processes.
import { type ChildProcess, fork } from 'node:child_process'
import { get } from 'node:http'
import { join } from 'node:path'
import { prometheusAccept } from './http.ts'
import { parseOpenMetrics } from './strict-parser.ts'

const running: ChildProcess[] = []
afterAll(() => {
  for (const child of running) child.kill()
})

async function run(
  library: string,
  env: Record<string, string> = {},
): Promise<(accept: string) => Promise<{ type: string; text: string }>> {
  const child = fork(join(__dirname, 'cluster-app.mjs'), [library], {
    execArgv: ['--conditions=@org/source', '--disable-warning=ExperimentalWarning'],
    env: { ...process.env, ...env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  running.push(child)
  const { port } = await new Promise<{ port: number }>((resolve, reject) => {
    child.once('message', message => resolve(message as { port: number }))
    child.once('exit', code => reject(new Error(`exited with ${code}`)))
  })
  return accept =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, headers: { accept } }, response => {
        let text = ''
        response.on('data', chunk => {
          text += chunk
        })
        response.on('end', () => resolve({ type: response.headers['content-type']!, text }))
      }).on('error', reject)
    })
}

// Type stripping, which lets the child load our sources, is on by default from Node 22.18.
const canStrip = process.features.typescript !== undefined && process.features.typescript !== false

;(canStrip ? describe : describe.skip).each([
  'prom-client',
  'prom-client-14',
  '@prometheus-io/client',
  '@platformatic/prom-client',
])('%s', library => {
  test('the aggregated page keeps the exemplars of every worker, and the plain page is the one without us', async () => {
    const [ask, askWithout] = await Promise.all([run(library), run(library, { EXEMPLARS: 'off' })])
    const pages = await Promise.all([prometheusAccept, 'text/plain', prometheusAccept, 'text/plain'].map(ask))
    for (const open of [pages[0]!, pages[2]!]) {
      expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
      const samples = parseOpenMetrics(open.text).flatMap(family => family.samples)
      const spans = samples.flatMap(({ name, exemplar }) =>
        exemplar ? [[name, exemplar.labels.span_id]] : [],
      )
      expect(spans.slice(0, 2)).toEqual([
        ['work_seconds_bucket', '0000000000000001'],
        ['work_seconds_bucket', '0000000000000002'],
      ])
      expect(spans[2]).toEqual(['jobs_total', expect.stringMatching(/^0{15}[12]$/)])
      expect(samples.find(({ name }) => name === 'jobs_total')?.value).toBe(2)
    }
    const without = await askWithout('text/plain')
    for (const plain of [pages[1]!, pages[3]!]) expect(plain).toEqual(without)
    expect(without.text).toContain('jobs_total 2')
  })
})
