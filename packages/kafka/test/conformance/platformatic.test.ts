// @platformatic/kafka in a real process: it is an ES module and wants a recent Node. Cases are in test/apps.
import { modes } from '../support/drivers.ts'
import { caseNames, type Result, removeBundles, runApp } from '../support/process.ts'

const app = 'platformatic.mjs'
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const isRunnable = major > 24 || (major === 24 && minor >= 6)
const run = isRunnable ? describe : describe.skip
if (!isRunnable)
  console.warn(`@platformatic/kafka needs Node 24.6, this is ${process.versions.node}: skipped`)

const serializers = ['no', 'string', 'JSON', 'wrapped JSON']
const deserializers = ['Buffer', 'string', 'tolerant JSON']
const placeholder = '$' + '{name}'
const names = caseNames(app).flatMap(name => {
  if (!name.includes(placeholder)) return [name]
  const values = name.includes('deserializers') ? deserializers : serializers
  return values.map(value => name.replace(placeholder, value))
})

run.each(modes)('@platformatic/kafka by %s', mode => {
  let results: Result[] = []

  beforeAll(async () => {
    results = await runApp(app, mode, { env: { TEST_METRICS: '1' } })
  }, 60_000)

  test.each(names)('%s', name => {
    expect(results.find(result => result.name === name)).toEqual({ name })
  })

  test('there is no case that is not listed here', () => {
    expect(results.map(result => result.name)).toEqual(names)
  })
})

run.each(modes)('streams of @platformatic/kafka by %s', mode => {
  test('messages that nobody is seen to process are named once, with what to use', async () => {
    const streams = 'platformatic-streams.mjs'
    const results = await runApp(streams, mode, {})
    expect(results).toEqual(caseNames(streams).map(name => ({ name })))
  }, 30_000)
})

const settings = [
  { id: 'C60', optIn: '' },
  { id: 'C61', optIn: 'messaging' },
  { id: 'C62', optIn: 'messaging,messaging/dup' },
]
const rows = modes.flatMap(mode => settings.map(setting => ({ mode, ...setting })))

run.each(rows)('@platformatic/kafka by $mode: $id', ({ mode, id, optIn }) => {
  test(`${id} attributes have the names that opt-in "${optIn}" asks for`, async () => {
    const env = { OTEL_SEMCONV_STABILITY_OPT_IN: optIn }
    const results = await runApp('platformatic-names.mjs', mode, { env })
    expect(results).toEqual(caseNames('platformatic-names.mjs').map(name => ({ name })))
  }, 30_000)
})

afterAll(removeBundles)
