import { hooksRunInThread } from './esm-hook.ts'

describe('module hooks on the application thread', () => {
  it.each([
    ['20.20.2', false],
    ['22.15.0', false],
    ['22.22.2', false],
    ['22.22.3', true],
    ['22.23.3', true],
    ['23.11.1', false],
    ['24.11.0', false],
    ['24.11.1', true],
    ['24.21.0', true],
    ['25.0.0', false],
    ['25.1.0', true],
    ['26.0.0-nightly20260401', true],
    ['27.1.0', true],
  ])('Node %s: %s', (version, expected) => {
    expect(hooksRunInThread(version)).toBe(expected)
  })
})
