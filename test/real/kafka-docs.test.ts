// The quick starts of docs/kafka.md whose clients are compiled, run as the page shows them. Those of the clients in
// JavaScript run in packages/kafka/test/docs.test.ts.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { removeBundles } from '../../packages/kafka/test/support/process.ts'
import { runQuickStart } from '../../packages/kafka/test/support/quick-start.ts'
import { installNativeKafkaClients } from './parts/install.ts'
import { startKafka } from './parts/start.ts'

const kafkaPackage = join(resolve(__dirname, '../..'), 'packages/kafka')
let native: string

beforeAll(() => {
  native = installNativeKafkaClients()
}, 900_000)

afterAll(removeBundles)

test.each(['@confluentinc/kafka-javascript', 'node-rdkafka'])(
  'the quick start of %s works as it is shown',
  async client => {
    // A broker each: both use the topic and the group of the page.
    const kafka = await startKafka()
    const folder = mkdtempSync(join(tmpdir(), 'quick-start-'))
    try {
      const link = (name: string, target: string) => {
        mkdirSync(join(folder, 'node_modules', name, '..'), { recursive: true })
        symlinkSync(target, join(folder, 'node_modules', name))
      }
      link('@org/otel-kafka', kafkaPackage)
      link(client, join(native, 'node_modules', client))
      await runQuickStart(client, kafka.address, folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
      await kafka.stop()
    }
  },
  120_000,
)
