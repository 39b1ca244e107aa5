// Who may look into whom. The table is the architecture; the test reads every import of every source file.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const root = resolve(__dirname, '..')

/** Workspace packages a package may import from its sources (tests may import more). */
const packageArrows: Record<string, readonly string[]> = {
  otel: ['@org/otel-kafka', '@org/otel-logging', '@org/otel-exemplars'],
  kafka: [],
  logging: [],
  exemplars: [],
  devtools: [],
}

/** Rooms inside packages/otel/src. A room sees itself and the rooms listed; `*` sees all. */
const rooms: Record<string, readonly string[]> = {
  // The ground: what hides a secret looks at nobody, so that everybody can use it.
  redact: [],
  self: ['redact'],
  config: ['self', 'redact'],
  tracing: ['config', 'self', 'metrics', 'redact'],
  export: ['config', 'self', 'tracing', 'metrics', 'logs'],
  metrics: ['config', 'self', 'tracing', 'export'],
  logs: ['config', 'self', 'tracing', 'export', 'redact'],
  libraries: ['config', 'self', 'loader', 'tracing', 'redact'],
  // Last words send what the outbox holds: its request type is all that is looked at. What was in flight is the tracer's.
  lifecycle: ['config', 'self', 'export', 'tracing'],
  loader: ['config', 'self', 'libraries', 'tracing'],
  build: ['config', 'self', 'tracing', 'export', 'metrics', 'logs', 'loader', 'libraries', 'redact'],
  '': ['*'],
}
/** Single contract files any room may read: types only, no behaviour. */
const contracts = [
  'config/config.ts',
  'tracing/ended-span.ts',
  'metrics/histogram-source.ts',
  'loader/library.ts',
  'loader/chunk.ts',
  'self/log.ts',
]

function sources(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(file => /\.[cm]?ts$/.test(file) && !/\.test\.ts$/.test(file) && !file.includes('node_modules'))
    .map(file => join(directory, file))
}

function importsOf(file: string): string[] {
  // Examples in comments import freely.
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
  return [
    ...text.matchAll(
      /(?:^\s*(?:import|export)\b[^'"]*?from\s*|^\s*import\s*|\bimport\(\s*|\brequire\(\s*)['"]([^'"]+)['"]/gm,
    ),
  ].map(m => m[1] as string)
}

test.each(Object.keys(packageArrows))('package %s imports only the workspace packages it may', name => {
  const wrong: string[] = []
  for (const file of sources(join(root, 'packages', name, 'src'))) {
    for (const specifier of importsOf(file)) {
      const target = /^@org\/otel(-[a-z]+)?/.exec(specifier)?.[0]
      if (target !== undefined && !packageArrows[name]?.includes(target))
        wrong.push(`${relative(root, file)} -> ${specifier}`)
      if (specifier.startsWith('.')) {
        const inside = relative(join(root, 'packages', name), resolve(dirname(file), specifier))
        if (inside.startsWith('..')) wrong.push(`${relative(root, file)} -> ${specifier}`)
      }
    }
  }
  expect(wrong).toEqual([])
})

test('otel depends on @opentelemetry/api only, kafka, logging and exemplars take the one that is there, devtools none', () => {
  const manifest = (name: string) => {
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(
      readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'),
    )
    return { dependencies: Object.keys(dependencies), peerDependencies }
  }
  expect(manifest('otel')).toEqual({ dependencies: ['@opentelemetry/api'], peerDependencies: {} })
  for (const name of ['kafka', 'logging', 'exemplars'])
    expect([name, manifest(name)]).toEqual([
      name,
      { dependencies: [], peerDependencies: { '@opentelemetry/api': '>=1.4.0 <2' } },
    ])
  expect(manifest('devtools')).toEqual({ dependencies: [], peerDependencies: {} })
})

test('a room of @org/otel looks only into the rooms it may', () => {
  const source = join(root, 'packages/otel/src')
  const roomOf = (file: string) =>
    relative(source, file).includes('/') ? (relative(source, file).split('/')[0] as string) : ''
  const wrong: string[] = []
  for (const file of sources(source)) {
    const room = roomOf(file)
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith('.')) continue
      const target = resolve(dirname(file), specifier)
      const targetRoom = roomOf(target)
      const allowed = rooms[room] ?? []
      if (targetRoom === room || allowed.includes('*') || allowed.includes(targetRoom)) continue
      if (contracts.includes(relative(source, target))) continue
      wrong.push(`${relative(source, file)} -> ${relative(source, target)}`)
    }
  }
  expect(wrong).toEqual([])
})

test('every room of @org/otel is in the table and every room in the table exists', () => {
  const present = readdirSync(join(root, 'packages/otel/src'), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
  expect(present.sort()).toEqual(Object.keys(rooms).filter(Boolean).sort())
})

test('the map in AGENTS.md fits on a page, names only what exists, and names every package and room', () => {
  const map = readFileSync(join(root, 'AGENTS.md'), 'utf8')
  expect(map.split('\n').length).toBeLessThanOrEqual(60)
  const named = [...map.matchAll(/`((?:packages|examples|test|scripts|docs)(?:\/[\w./-]*)?)`/g)].map(
    m => m[1] as string,
  )
  expect(named.filter(path => !existsSync(join(root, path)))).toEqual([])
  const packages = readdirSync(join(root, 'packages')).map(name => `packages/${name}`)
  const roomPaths = Object.keys(rooms)
    .filter(Boolean)
    .map(room => `packages/otel/src/${room}`)
  expect([...packages, ...roomPaths].filter(path => !named.includes(path))).toEqual([])
})
