// What the real preload does for this package, and no more: an SDK, the hooks, and a `require` that applies them.
// Bundled into one CommonJS file by `process.ts`, so that it is a copy of its own of everything in it.
import Module from 'node:module'
import { sep } from 'node:path'
import { kafkaHooks } from '../../src/hooks.ts'
import type { ClientInfo, KafkaOptions } from '../../src/options.ts'
import { FakeCluster, fakeLibrdkafka } from './fake-librdkafka.ts'
import { startSdk, w3c } from './sdk.ts'

const options: KafkaOptions & ClientInfo = {}
const hooks = kafkaHooks(options)
const shared = globalThis as unknown as Record<string, unknown>
shared.testSdk = startSdk({ metrics: process.env.TEST_METRICS === '1' })
shared.testOptions = options
shared.testW3c = w3c

// The native half of confluent's client cannot be compiled just for a test: it is in memory.
const native = `${sep}@confluentinc${sep}kafka-javascript${sep}librdkafka.js`
const cluster = new FakeCluster()
shared.testCluster = cluster
const load = Module.prototype.require
Module.prototype.require = function (this: Module, id: string) {
  const isNative = id.includes('librdkafka') && resolveFrom(this, id).endsWith(native)
  return isNative ? fakeLibrdkafka(cluster) : load.call(this, id)
} as typeof load

function resolveFrom(parent: Module, id: string): string {
  return (Module as unknown as { _resolveFilename(id: string, parent: Module): string })._resolveFilename(
    id,
    parent,
  )
}

if (process.env.TEST_PRELOAD === '1') {
  const patched = new Map<string, unknown>()
  const original = Module.prototype.require
  Module.prototype.require = function (this: Module, id: string) {
    const exports = original.call(this, id)
    const file = resolveFrom(this, id)
    if (patched.has(file)) return patched.get(file)
    const patch = hooks.modules.find(({ name, file: inner }) =>
      file.endsWith(`${sep}node_modules${sep}${name}${sep}${inner}`),
    )
    if (!patch) return exports
    patched.set(file, patch.patch(exports, { name: patch.name, version: '', baseDir: '', isEsm: false }))
    return patched.get(file)
  } as typeof original
  hooks.start?.()
}
