import { catalog } from './catalog.ts'
import { chooseRows, unknownNames, type Wishes } from './choose.ts'

const nothing: Wishes = { disabled: new Set(), options: {} }

function answer(key: string, wishes: Wishes): [boolean, string] {
  const chosen = chooseRows(catalog, wishes).find(({ row }) => row.key === key)!
  return [chosen.on, chosen.reason]
}

describe('choosing instrumentations', () => {
  it.each(['net', 'dns', 'fs', 'host-metrics'])('leaves %s off by default and says why', key => {
    expect(answer(key, nothing)).toEqual([false, expect.stringMatching(/^off by default: ./)])
  })

  it.each(['http', 'express', 'fastify', 'kafkajs', 'pg', 'pino', 'runtime-node'])(
    'has %s on by default',
    key => {
      expect(answer(key, nothing)).toEqual([true, 'on by default'])
    },
  )

  it('takes the enabled list as complete', () => {
    const wishes = { ...nothing, enabled: new Set(['http', 'net']) }
    expect(answer('net', wishes)[0]).toBe(true)
    expect(answer('express', wishes)).toEqual([false, 'not in OTEL_NODE_ENABLED_INSTRUMENTATIONS'])
  })

  it('lets the disabled list beat the enabled one', () => {
    const wishes = { ...nothing, enabled: new Set(['http', 'pg']), disabled: new Set(['pg']) }
    expect(answer('pg', wishes)).toEqual([false, 'in OTEL_NODE_DISABLED_INSTRUMENTATIONS'])
  })

  it('lets the options of an instrumentation beat both lists', () => {
    const disabled = new Set(['pg'])
    expect(answer('pg', { disabled, options: { pg: { enabled: true } } })[0]).toBe(true)
    expect(answer('express', { disabled, options: { express: { enabled: false } } })[0]).toBe(false)
  })

  it('hands on the options of the family and of the row, the row first', () => {
    const options = { kafka: { messageKeys: true, hops: 1 }, kafkajs: { hops: 2 } }
    const chosen = chooseRows(catalog, { ...nothing, options }).find(({ row }) => row.key === 'kafkajs')!
    expect(chosen.options).toEqual({ messageKeys: true, hops: 2 })
  })

  it('names what is in no row', () => {
    const wishes = {
      enabled: new Set(['expres', 'http']),
      disabled: new Set(['dns']),
      options: { kafka: {}, pgg: {} },
    }
    expect(unknownNames(catalog, wishes)).toEqual(['expres', 'pgg'])
  })
})
