import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { buildSampling } from './build-sampling.ts'
import { parseRatioFile, RatioFile } from './ratio-file.ts'

test.each([
  ['ratio=0.5', 0.5],
  [' ratio = 1 \n', 1],
  ['ratio: 0', 0],
  ['0.25\n', 0.25],
  ['1e-3', 0.001],
  ['{"ratio": 0.5, "why": "incident 17"}', 0.5],
])('%j is a ratio', (text, expected) => {
  expect(parseRatioFile(text)).toBe(expected)
})

test.each(['', 'ratio=', 'ratio=2', '-1', 'half', '{"ratio": "0.5"}', '{"ratio"', '{}', 'ratio=0.5 0.6'])(
  '%j is none',
  text => {
    expect(parseRatioFile(text)).toBeUndefined()
  },
)

describe('a watched file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ratio-'))
  const path = join(directory, 'ratio')
  afterAll(() => rmSync(directory, { recursive: true }))

  async function until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 15_000
    while (!condition()) {
      if (Date.now() > deadline) throw new Error('not in 15 s')
      await delay(20)
    }
  }

  test('changes the ratio while the process runs, follows a symlink, and gives way when removed', async () => {
    let ratio = 0.1
    const file = new RatioFile(path, 0.1, value => {
      ratio = value
    })
    file.start()
    expect(ratio).toBe(0.1)
    try {
      writeFileSync(path, 'ratio=1')
      await until(() => ratio === 1)
      const elsewhere = join(directory, 'elsewhere')
      writeFileSync(elsewhere, '{"ratio": 0.5}')
      symlinkSync(elsewhere, `${path}.new`)
      renameSync(`${path}.new`, path)
      await until(() => ratio === 0.5)
      rmSync(path)
      await until(() => ratio === 0.1)
    } finally {
      file.stop()
    }
  }, 60_000)

  test.each(['nonsense', 'ratio=7', 'x'.repeat(1_000_000)])('that says %.10s changes nothing', content => {
    writeFileSync(path, content)
    const apply = jest.fn()
    const file = new RatioFile(path, 0.1, apply)
    file.start()
    file.stop()
    expect(apply).not.toHaveBeenCalled()
  })

  test('may be a pipe or a directory without stopping the process', () => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const odd of [pipe, directory]) {
      const apply = jest.fn()
      const file = new RatioFile(odd, 0.1, apply)
      file.start()
      file.stop()
      expect(apply).not.toHaveBeenCalled()
    }
  })

  test.each([
    [{ type: 'always_on' }, 1],
    [{ type: 'parent_based', root: { type: 'always_off' } }, 0],
    [{ type: 'parent_based', root: { type: 'ratio', ratio: 0.3 } }, 0.3],
  ] as const)('replaces the ratio of new traces under %j', (config, configured) => {
    const extras = {
      keepErrors: false,
      slowMs: 0,
      maxPerSecond: Number.POSITIVE_INFINITY,
      rules: [],
      maxHeldSpans: 0,
    }
    writeFileSync(path, 'ratio=0.75')
    const { sampler, ratioFile } = buildSampling(config, { ...extras, ratioFile: path })
    expect(String(sampler)).toContain(`TraceIdRatioBased{${configured}}`)
    ratioFile?.start()
    ratioFile?.stop()
    expect(String(sampler)).toContain('TraceIdRatioBased{0.75}')
  })
})
