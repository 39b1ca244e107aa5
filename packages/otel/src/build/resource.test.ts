import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { lookupIn, needsCloudLookup } from './resource.ts'

function cloud(attributes: Record<string, unknown>) {
  return async () => [{ detect: () => ({ attributes }) }]
}

test('only clouds need a lookup', () => {
  expect(needsCloudLookup(['env', 'host', 'container'])).toBe(false)
  expect(needsCloudLookup(['host', 'aws'])).toBe(true)
})

test('attributes that are there and attributes that are promised end up together', async () => {
  const table = {
    one: cloud({
      'cloud.provider': 'one',
      'cloud.region': Promise.resolve('eu'),
      empty: Promise.resolve(undefined),
    }),
    two: cloud({ 'host.type': Promise.resolve('big') }),
    unasked: cloud({ 'cloud.provider': 'wrong' }),
  }
  expect(await lookupIn(table, ['one', 'host', 'two'], 1000)).toEqual({
    attributes: { 'cloud.provider': 'one', 'cloud.region': 'eu', 'host.type': 'big' },
    problems: [],
  })
})

test('a metadata service that never answers costs the time box and keeps what came', async () => {
  const table = {
    silent: cloud({ 'cloud.provider': 'silent', 'host.id': new Promise(() => {}) }),
    quick: cloud({ 'host.type': 'small' }),
  }
  const { attributes, problems } = await lookupIn(table, ['silent', 'quick'], 30)
  expect(attributes).toEqual({ 'cloud.provider': 'silent', 'host.type': 'small' })
  expect(problems).toEqual([
    {
      code: 'ORG_OTEL_RESOURCE_LOOKUP',
      subject: 'OTEL_NODE_RESOURCE_DETECTORS silent',
      message: 'no complete answer within 30 ms; going on without the missing attributes',
    },
  ])
})

test('an answer after the time box changes nothing any more', async () => {
  let answer: (value: string) => void = () => {}
  const late = new Promise<string>(resolve => {
    answer = resolve
  })
  const { attributes } = await lookupIn({ late: cloud({ 'host.id': late }) }, ['late'], 10)
  answer('too late')
  await late
  await new Promise(setImmediate)
  expect(attributes).toEqual({})
})

test('a detector that throws, or cannot be loaded, or breaks its promise, is a problem and not an exception', async () => {
  const table = {
    throwing: async () => [
      {
        detect: () => {
          throw new Error('broken detector')
        },
      },
    ],
    missing: async () => {
      throw new Error('no such module')
    },
    rejecting: cloud({ 'host.id': Promise.reject(new Error('no')), 'host.type': 'x' }),
  }
  const { attributes, problems } = await lookupIn(table, ['throwing', 'missing', 'rejecting'], 1000)
  expect(attributes).toEqual({ 'host.type': 'x' })
  expect(problems.map(p => p.message)).toEqual([
    'broken detector; going on without its attributes',
    'no such module; going on without its attributes',
  ])
})

test("upstream's real detectors can be asked off their clouds: nothing is found, nothing throws, the process ends", () => {
  const script = `
    import { lookupCloudResource } from ${JSON.stringify(join(__dirname, 'resource.ts'))}
    const started = performance.now()
    const found = await lookupCloudResource(['aws', 'gcp', 'azure', 'alibaba'], 1500)
    process.stdout.write(JSON.stringify({ found, ms: performance.now() - started }))
  `
  const run = spawnSync(
    process.execPath,
    ['--input-type=module', '--conditions=@org/source', '--eval', script],
    {
      cwd: __dirname,
      encoding: 'utf8',
      timeout: 30_000,
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    },
  )
  expect({ status: run.status, signal: run.signal, stderr: run.stderr }).toMatchObject({
    status: 0,
    signal: null,
  })
  const { found, ms } = JSON.parse(run.stdout)
  expect(found['cloud.provider']).toBeUndefined()
  expect(ms).toBeLessThan(6000)
}, 40_000)
