// docs/deploy.md speaks about files, overlays and variables: they exist, and none is forgotten.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const home = join(__dirname, '..')
const file = join(home, '../../docs/deploy.md')
const page = readFileSync(file, 'utf8')

test('every link leads to a file', () => {
  const links = [...page.matchAll(/\]\(([^)#]+)\)/g)]
    .map(([, path]) => path!)
    .filter(path => !path.startsWith('http'))
  expect(links.length).toBeGreaterThan(8)
  expect(links.filter(path => !existsSync(join(dirname(file), path)))).toEqual([])
})

test('every path and script in a command exists', () => {
  const paths = [...page.matchAll(/packages\/deploy\/[\w./-]*\w/g)].map(([path]) => path)
  expect(paths.filter(path => !existsSync(join(home, '../..', path)))).toEqual([])
  const { scripts } = JSON.parse(readFileSync(join(home, '../../package.json'), 'utf8'))
  const own = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).scripts
  for (const [, script] of page.matchAll(/npm run ([\w:]+)/g))
    expect({ ...scripts, ...own }).toHaveProperty([script!])
})

test('every variable of the Collector configurations is described, and no other', () => {
  const used = new Set<string>()
  for (const config of globSync('collector/*/config.yaml', { cwd: home })) {
    for (const [, name] of readFileSync(join(home, config), 'utf8').matchAll(/\$\{env:(\w+)/g))
      used.add(name!)
  }
  // Where it listens, and what the manifests and units set themselves.
  for (const name of [
    'LISTEN',
    'HEALTH_PORT',
    'OTLP_GRPC_PORT',
    'OTLP_HTTP_PORT',
    'SELF_METRICS_PORT',
    'PROMETHEUS_PORT',
  ])
    used.delete(name)
  for (const name of ['HOST_NAME', 'DEPLOYMENT_ENVIRONMENT']) used.delete(name)
  const table = page.slice(page.indexOf('| variable |'), page.indexOf('Sampling is decided here'))
  const described = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  )
  expect(described.sort()).toEqual([...used].sort())
})

test('every overlay is described', () => {
  for (const overlay of globSync('kubernetes/overlays/*', { cwd: home })) {
    expect(page).toContain(`\`${overlay.split('/').at(-1)}\``)
  }
})

test('the three lines of a service are those of the shipped file', () => {
  const shipped = readFileSync(join(home, 'docker/Dockerfile.service'), 'utf8').replace(/^#.*\n/gm, '')
  expect(page).toContain(shipped.trim())
})
