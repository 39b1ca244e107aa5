// What a patched library looks like from outside, and that it can be taken back.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { LibraryHooks } from '../loader/library.ts'
import { expressHooks } from './express.ts'
import { ioredisHooks } from './ioredis.ts'
import { pgHooks } from './pg.ts'

const load = createRequire(join(process.cwd(), 'test/package.json'))

function routerOf(express: any): any {
  return express.Router.prototype?.route ? express.Router.prototype : express.Router
}
/** A layer's prototype is reached by declaring something. */
function layerOf(express: any): any {
  const router = express.Router()
  router.use('/x', () => {})
  return Object.getPrototypeOf(router.stack[0])
}

type Target = [holder: any, name: string]
const cases: [string, string, () => LibraryHooks, (exports: any) => Target[]][] = [
  ...['express', 'express4'].map((alias): (typeof cases)[number] => [
    'express',
    alias,
    expressHooks,
    exports => [
      ...['use', 'route', 'param', 'handle'].map((name): Target => [routerOf(exports), name]),
      ...Object.getOwnPropertyNames(layerOf(exports))
        .filter(name => name.startsWith('handle'))
        .map((name): Target => [layerOf(exports), name]),
    ],
  ]),
  ['pg', 'pg', pgHooks, ({ Client }) => ['query', 'connect'].map(name => [Client.prototype, name])],
  [
    'pg-pool',
    'pg',
    pgHooks,
    ({ Pool }) => ['connect', 'end'].map(name => [Object.getPrototypeOf(Pool).prototype, name]),
  ],
  ...['ioredis', 'ioredis5'].map((alias): (typeof cases)[number] => [
    'ioredis',
    alias,
    ioredisHooks,
    Redis => ['sendCommand', 'connect'].map(name => [Redis.prototype, name]),
  ]),
]

it.each(cases)(
  '%s (as %s) keeps names, lengths and keys, and is as before after stop()',
  (name, alias, hooks, of) => {
    const exports = load(alias)
    const targets = of(exports)
    expect(targets.length).toBeGreaterThan(1)
    const look = () =>
      targets.map(([holder, key]) => [
        key,
        holder[key].name,
        holder[key].length,
        Object.keys(holder).includes(key),
      ])
    const originals = targets.map(([holder, key]) => holder[key])
    const before = look()

    const attached = hooks()
    const patch = attached.modules.find(one => one.name === name && one.file === undefined)!
    const given = name === 'pg-pool' ? Object.getPrototypeOf(exports.Pool) : exports
    const info = { name, version: '0.0.0', baseDir: '', isEsm: false }
    expect(patch.patch(given, info)).toBe(given)
    if (name === 'express') layerOf(exports)
    expect(look()).toEqual(before)
    for (const [i, [holder, key]] of targets.entries()) expect(holder[key]).not.toBe(originals[i])

    const patched = targets.map(([holder, key]) => holder[key])
    patch.patch(given, info)
    expect(targets.map(([holder, key]) => holder[key])).toEqual(patched)

    attached.stop?.()
    expect(targets.map(([holder, key]) => holder[key])).toEqual(originals)
  },
)
