// A resource that outlives its request keeps the context it was created in. What hangs on that context is ours to keep small.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const script = join(__dirname, 'retain.mjs')

function retainedBytes(kind: string): number {
  const output = execFileSync(process.execPath, ['--expose-gc', '--conditions=@org/source', script, kind], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
  })
  return Number(output)
}

test('a resource created in a request and never released keeps at most 400 bytes of ours alive', () => {
  const bare = retainedBytes('none')
  const ours = retainedBytes('lean') - bare
  const upstream = retainedBytes('upstream') - bare
  expect(bare).toBeGreaterThan(0)
  // The measurement sees what there is to see: finished spans under upstream's SDK.
  expect(upstream).toBeGreaterThan(1_000)
  expect(ours).toBeLessThanOrEqual(400)
}, 60_000)
