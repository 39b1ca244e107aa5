// What a patched library looks like from outside, and that it can be taken back.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { LibraryHooks } from '../loader/library.ts'
import { expressHooks } from './express.ts'
import { ioredisHooks } from './ioredis.ts'
import { mysqlHooks } from './mysql.ts'
import { mysql2Hooks } from './mysql2.ts'
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
  [
    'pg',
    'pg',
    pgHooks,
    ({ Client }) => ['query', 'connect', 'emit', '_getPassword'].map(name => [Client.prototype, name]),
  ],
  [
    'pg-pool',
    'pg',
    pgHooks,
    ({ Pool }) =>
      ['connect', 'end', 'newClient', '_acquireClient'].map(name => [
        Object.getPrototypeOf(Pool).prototype,
        name,
      ]),
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
      targets.map(([holder, key]) => [key, holder[key].name, holder[key].length, keysOf(holder).has(key)])
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

/** Files of a library, and what is patched in them. */
const files: [string, () => LibraryHooks, Record<string, (exports: any) => Target[]>][] = [
  [
    'mysql',
    mysqlHooks,
    {
      'lib/Connection.js': ({ prototype }) => [
        [prototype, 'query'],
        [prototype, 'connect'],
      ],
      'lib/Pool.js': ({ prototype }) => [
        [prototype, 'getConnection'],
        [prototype, 'end'],
      ],
      'lib/protocol/Protocol.js': ({ prototype }) => [[prototype, '_enqueue']],
      'lib/protocol/sequences/Sequence.js': ({ prototype }) => [
        [prototype, 'end'],
        [prototype, 'emit'],
      ],
    },
  ],
  [
    'mysql2',
    mysql2Hooks,
    {
      'lib/connection.js': ({ prototype }) =>
        ['query', 'execute', 'addCommand', 'connect', 'close', '_notifyError'].map(name => [
          Object.getPrototypeOf(prototype),
          name,
        ]),
      'lib/pool.js': ({ prototype }) => [
        [Object.getPrototypeOf(prototype), 'getConnection'],
        [Object.getPrototypeOf(prototype), '_removeIdleTimeoutConnections'],
      ],
      'lib/commands/command.js': ({ prototype }) => [[prototype, 'emit']],
    },
  ],
]

it.each(files)(
  'the files of %s keep names, lengths and keys, and are as before after stop()',
  (name, hooks, of) => {
    // Its exports do not give its files away.
    const directory = dirname(load.resolve(`${name}/package.json`))
    const loaded = Object.keys(of).map(path => [path, load(join(directory, path))] as const)
    const targets = loaded.flatMap(([path, exports]) => of[path]!(exports))
    const look = () =>
      targets.map(([holder, key]) => [key, holder[key].name, holder[key].length, keysOf(holder).has(key)])
    const originals = targets.map(([holder, key]) => holder[key])
    const before = look()

    const attached = hooks()
    for (const [path, exports] of loaded) {
      const patch = attached.modules.find(one => one.file === path)!
      expect(patch.patch(exports, { name, version: '3.0.0', baseDir: '', isEsm: false })).toBe(exports)
    }
    expect(look()).toEqual(before)
    for (const [i, [holder, key]] of targets.entries()) expect(holder[key]).not.toBe(originals[i])
    attached.stop?.()
    expect(targets.map(([holder, key]) => holder[key])).toEqual(originals)
  },
)

/** As `for ... in` finds them. */
function keysOf(holder: any): Set<string> {
  const keys = new Set<string>()
  for (const key in holder) keys.add(key)
  return keys
}
