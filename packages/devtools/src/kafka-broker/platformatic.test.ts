import { join } from 'node:path'
import { runApp } from '../testing/app.ts'
import { startKafkaBroker } from './broker.ts'

// The client refuses older runtimes itself.
const works = Number(process.versions.node.split('.')[0]) >= 22
const maybe = works ? test : test.skip

maybe(
  '@platformatic/kafka, which prefers newer versions of every request, produces, consumes and administers',
  async () => {
    await using broker = await startKafkaBroker()
    const program = join(__dirname, '../../test/apps/platformatic.mjs')
    await using app = await runApp(program, { preload: false, args: [broker.address] })
    expect(await app.exited).toEqual({ code: 0, signal: null })
    expect(app.logs).toEqual([
      { key: 'k', value: 'v', traceparent: '00-a', offset: 0 },
      { topics: ['made', 'plat'] },
      { topics: ['plat'] },
    ])
  },
)
