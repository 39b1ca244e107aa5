import { inAnyRange, inRange } from './version-range.ts'

describe('version ranges', () => {
  it.each([
    ['5.3.0', '>=4.0.0 <6', true],
    ['6.0.0', '>=4.0.0 <6', false],
    ['3.9.9', '>=4.0.0 <6', false],
    ['12.0.0-next.1', '>=4.0.0 <12', false],
    ['12.0.0-next.1', '>=4.0.0 <13', true],
    ['5.0.0-beta.1', '>=4.0.0 <6', true],
    ['7.0.1', '>= 6.7 < 8', true],
    ['8.0.0', '>= 6.7 < 8', false],
    ['2.4.1', '2', true],
    ['3.0.0', '2', false],
    ['1.2.9', '~1.2.3', true],
    ['1.3.0', '~1.2.3', false],
    ['3.9.0', '^3.1.0', true],
    ['3.0.9', '^3.1.0', false],
    ['0.2.9', '^0.2.3', true],
    ['0.3.0', '^0.2.3', false],
    ['0.0.4', '^0.0.3', false],
    ['2.0.0', '<=2', true],
    ['2.9.9', '<=2', true],
    ['3.0.0', '<=2', false],
    ['2.9.9', '>2', false],
    ['3.0.0', '>2', true],
    ['1.9.0', '1.x || 3', true],
    ['2.0.0', '1.x || 3', false],
    ['3.1.4', '1.x || 3', true],
    ['1.2.3', '1.2.3', true],
    ['1.2.4', '=1.2.3', false],
    ['1.3', '>=1.3 <4', true],
    ['9.9.9', '*', true],
    ['9.9.9', '', true],
    ['1.0.0+build.5', '>=1.0.0', true],
  ])('%s in %s is %s', (version, range, expected) => {
    expect(inRange(version, range)).toBe(expected)
  })

  it('keeps what it cannot read out of every range but *', () => {
    expect(inRange('workspace:*', '>=1')).toBe(false)
    expect(inRange('workspace:*', '*')).toBe(true)
    expect(inRange('1.0.0', 'latest')).toBe(false)
  })

  it('takes no ranges as every version and several as any of them', () => {
    expect(inAnyRange('1.0.0', undefined)).toBe(true)
    expect(inAnyRange('1.0.0', ['2', '1'])).toBe(true)
    expect(inAnyRange('1.0.0', [])).toBe(false)
  })
})
