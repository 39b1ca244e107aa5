// Runs the quick start of one client as docs/kafka.md shows it, against a broker, with an SDK and no hooks.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from './process.ts'

const page = join(__dirname, '../../../../docs/kafka.md')

// Runs after the example, in its module: what it sent has to come out of its consumer, in the same trace.
const expectations = `
import assert from 'node:assert/strict'
const { testSdk } = globalThis as any
const deadline = performance.now() + 30_000
while (testSdk.named('process orders').length === 0 && performance.now() < deadline) {
  await new Promise(resolve => setTimeout(resolve, 5))
}
assert.deepEqual(testSdk.spans().map((span: any) => span.name).sort(), ['process orders', 'send orders'])
const [sent, processed] = ['send orders', 'process orders'].map(name => testSdk.named(name)[0])
assert.equal(processed.parentSpanContext.spanId, sent.spanContext().spanId)
assert.deepEqual(testSdk.said, [])
process.exit(0)
`

/**
 * Resolves when the example did what it says.
 *
 * @param client its heading
 * @param folder where the example finds its packages in node_modules
 */
export async function runQuickStart(client: string, address: string, folder: string): Promise<void> {
  const text = readFileSync(page, 'utf8')
  const start = text.indexOf(`### ${client}`)
  const code = /^```ts\n([\s\S]*?)^```/m.exec(text.slice(start))?.[1]
  if (start < 0 || !code?.includes(`from '${client}'`)) throw new Error(`no quick start of ${client}`)
  // The last line of an example may wait for ever, which is when the expectations have their turn.
  const running = code.replace(/^await (?=consumeEach)/m, 'void ').replaceAll('localhost:9092', address)
  const file = join(folder, 'example.mts')
  writeFileSync(file, running + expectations)
  await runProgram(file, 'import')
}
