// The promise: work that waits in a pool or a queue belongs to who asked for it. Forty requests at once share one or two
// connections; every span, every header on the wire and the code after each `await` must be in the trace of its own request.
// Rows with a real server run from test/real/busy-pool.test.ts.
import { catalog } from '../../packages/otel/src/loader/catalog.ts'
import { databases, untriedDatabases } from './busy-pool/databases.ts'
import { describeRow } from './busy-pool/describe.ts'
import { queues, untriedQueues } from './busy-pool/queues.ts'
import { needsRealServer } from './busy-pool/row.ts'

const rows = [...queues, ...databases]
const untried = [...untriedQueues, ...untriedDatabases]

for (const row of rows) if (!needsRealServer(row)) describeRow(row)

describe(`of the ${catalog.length} instrumentations ${untried.length} are not tried`, () => {
  test.each(untried)('$key: $why', ({ key }) => {
    expect(rows.filter(row => row.key === key)).toEqual([])
  })

  test('every one is in the table or in this list', () => {
    const keys = new Set([...rows, ...untried].map(({ key }) => key))
    expect(catalog.map(({ key }) => key).filter(key => !keys.has(key))).toEqual([])
    expect([...keys].filter(key => !catalog.some(row => row.key === key))).toEqual([])
  })
})
