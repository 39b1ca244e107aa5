// A start that puts only the two module hooks into the process, with rows for made-up packages: what the hooks see of
// a package layout, without any instrumentation in between. Patches write down each call.
import { appendFileSync, writeFileSync } from 'node:fs'
import type { ChosenRow } from '../../src/loader/choose.ts'
import { attachCjsHook } from '../../src/loader/cjs-hook.ts'
import { attachEsmHook } from '../../src/loader/esm-hook.ts'
import type { ModulePatch } from '../../src/loader/library.ts'
import { Patcher } from '../../src/loader/patcher.ts'
import { swallowedCount } from '../../src/self/guard.ts'

interface Call {
  name: string
  file: string
  version: string
  baseDir: string
  isEsm: boolean
}
const calls: Call[] = []

function mark(file: string): ModulePatch['patch'] {
  return (exports, info) => {
    calls.push({ name: info.name, file, version: info.version, baseDir: info.baseDir, isEsm: info.isEsm })
    const original = exports.hello
    if (typeof original !== 'function') return exports
    const patched = () => `patched ${original()}`
    if (Object.isFrozen(exports) || process.env.TEST_REPLACE === 'true') return { ...exports, hello: patched }
    exports.hello = patched
    return exports
  }
}

const patches: readonly ModulePatch[] = [
  { name: 'shape', versions: ['>=1 <3'], patch: mark('.') },
  { name: 'shape', versions: ['>=1 <3'], file: 'lib/inner.js', patch: mark('lib/inner.js') },
  { name: 'shape', versions: ['>=1 <3'], file: 'lib/inner.cjs', patch: mark('lib/inner.cjs') },
  { name: '@scope/shape', patch: mark('.') },
  { name: '@scope/shape', file: 'inner.js', patch: mark('inner.js') },
  {
    name: 'broken',
    patch() {
      throw new Error('a bug of ours')
    },
  },
]

function row(key: string, coveredBy?: string): ChosenRow {
  const esmFiles = { [key]: ['.', 'lib/inner.js', 'inner.js'] }
  return {
    row: {
      key,
      owner: 'ours',
      on: 'load',
      packages: [key],
      byDefault: true,
      esmFiles,
      ...(coveredBy ? { coveredBy } : {}),
    },
    on: true,
    reason: 'test',
    options: {},
  }
}

export function startFromRegister(): void {
  if (process.env.TEST_STARTS) appendFileSync(process.env.TEST_STARTS, 'started\n')
  const rows = [row('shape'), row('@scope/shape'), row('broken'), row('part', 'shape')]
  const patcher = new Patcher(
    rows,
    ({ row: { key } }) => ({
      modules: [...patches, { name: 'part', patch: mark('.') }].filter(patch => patch.name === key),
    }),
    () => {},
  )
  attachCjsHook(patcher, () => {})
  attachEsmHook(patcher, Object.assign({}, ...rows.map(one => one.row.esmFiles)))
  process.on('exit', () => {
    if (process.env.TEST_REPORT)
      writeFileSync(
        process.env.TEST_REPORT,
        JSON.stringify({ calls, seen: patcher.seen, swallowed: swallowedCount() }),
      )
  })
}
