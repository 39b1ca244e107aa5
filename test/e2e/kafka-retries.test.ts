// The promise of docs/kafka.md: an order that fails three times, lands in the dead-letter topic and is replayed later is
// one story, told by two traces that know of each other.
import { join } from 'node:path'
import { runApp } from '@org/otel-devtools/testing'

const story = join(__dirname, '../../examples/kafka-retries/run.mjs')

test('retries and the dead letter stay in the trace of the order, and the replay links to it', async () => {
  await using app = await runApp(story, {
    preload: false,
    ready: /^linked$/m,
    timeoutMs: 60_000,
    // A receiver of its own, as for anybody.
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: undefined },
  })
  expect(await app.exited).toEqual({ code: 0, signal: null })
  const [replay = '', original = ''] = app.stdout.split('\nlinked\n')
  const names = (text: string) => [...text.matchAll(/[⇒⇐] (?:✗ )?(\w+ [\w.-]+)/g)].map(match => match[1])
  expect(names(replay)).toEqual(['process orders.dead-letter', 'send orders', 'process orders'])
  expect(names(original)).toEqual([
    'send orders',
    'process orders',
    'send orders.retry',
    'process orders.retry',
    'send orders.retry',
    'process orders.retry',
    'send orders.dead-letter',
  ])
  const trace = /^trace (\w{32})/.exec(original)?.[1]
  expect(replay.match(/linked to send orders\.dead-letter \(processor\) in trace (\w+)/g)).toHaveLength(2)
  expect(replay).toContain(trace!)
}, 90_000)
