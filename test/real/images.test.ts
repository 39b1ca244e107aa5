// The shipped Dockerfiles, unchanged: what they add, and that a service which knows nothing of us delivers a trace.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expectTrace, type Receiver, startReceiver } from '@org/otel-devtools/testing'
import { parse } from 'yaml'
import { nodePath } from '../../scripts/nodes.mjs'
import { type ImageStore, openImageStore, standInNames } from './parts/images.ts'
import { cached, run } from './parts/install.ts'
import { freePort, startPart, until } from './parts/process.ts'
import { deployHome } from './parts/shipped.ts'

const root = resolve(__dirname, '../..')
const docker = join(deployHome, 'docker')
const maxAddedBytes = 8_000_000
const manifest = (file: string) => parse(readFileSync(join(deployHome, 'kubernetes', file), 'utf8'))
const instrumentation = manifest('operator/instrumentation.yaml')
const initContainers = manifest('service/init-container/files.yaml').spec.template.spec
const [initContainer] = initContainers.initContainers
const { sizeLimit } = initContainers.volumes[0].emptyDir

let store: ImageStore
let receiver: Receiver
let scratch: string
let context: string
let service: string

/** The tarball as published, packed from this clone, beside the shipped files. */
function makeContext(): string {
  const folder = join(scratch, 'base')
  cpSync(docker, folder, { recursive: true })
  run('pnpm', ['pack', '--pack-destination', folder], { cwd: join(root, 'packages/otel') })
  return folder
}

/** An Express service with its dependencies, as a team would have it in its repository. */
function makeService(): string {
  const installed = cached('express-service-5.3.0', directory => {
    const manifest = {
      name: 'shop',
      version: '1.2.3',
      private: true,
      dependencies: { express: '5.3.0', '@opentelemetry/api': '1.9.0' },
    }
    writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest))
    run('npm', ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: directory,
      what: 'an Express service',
    })
  })
  const folder = join(scratch, 'service')
  cpSync(installed, folder, { recursive: true })
  writeFileSync(
    join(folder, 'server.js'),
    `const express = require('express')
const app = express()
app.get('/orders/:id', (req, res) => res.json({ id: req.params.id, cwd: process.cwd(), uid: process.getuid() }))
app.listen(process.env.PORT, '127.0.0.1', () => console.log('up'))
`,
  )
  return folder
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'real-image-files-'))
  store = openImageStore()
  receiver = await startReceiver()
  context = makeContext()
  service = makeService()
}, 900_000)

afterAll(async () => {
  await receiver?.close()
  store?.dispose()
  rmSync(scratch, { recursive: true, force: true })
}, 60_000)

function sizeOf(folder: string): number {
  return globSync('**/*', { cwd: folder }).reduce((sum, file) => {
    const stat = statSync(join(folder, file))
    return stat.isFile() ? sum + stat.size : sum
  }, 0)
}

/** Bytes of all files below a folder, as `du` counts them: a hard link once. */
function diskUse(folder: string): number {
  return Number.parseInt(run('du', ['-sb', folder]), 10)
}

/** The three-line Dockerfile of docs/deploy.md on a base that was built here, with another last line. */
function buildService(base: string, name: string, lines: readonly string[]): string {
  const file = join(scratch, `Dockerfile.${name}`)
  writeFileSync(file, [`FROM ${base}`, ...lines].join('\n'))
  return store.build(`localhost/${name}`, file, service)
}

async function startImage(image: string, env: Record<string, string>) {
  const port = await freePort()
  const { args, env: all } = store.command(image, store.mount(image), {
    PORT: String(port),
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...env,
  })
  const part = await startPart(image, 'chroot', args, { port, env: { NODE_OPTIONS: undefined, ...all } })
  return {
    part,
    get: async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).json() as Promise<any>,
  }
}

describe.each([
  { flavour: 'debian', uid: '1000', command: 'CMD ["node", "server.js"]' },
  { flavour: 'alpine', uid: '1000', command: 'CMD ["node", "server.js"]' },
  { flavour: 'distroless', uid: '65532', command: 'CMD ["server.js"]' },
])('the $flavour base image', ({ flavour, uid, command }) => {
  const base = `localhost/base-${flavour}`
  const from = standInNames.find(name => name.includes(flavour === 'debian' ? 'bookworm' : flavour))!

  test('builds as shipped, adds less than 8 MB, and does not run as root', () => {
    store.build(base, join(context, `Dockerfile.${flavour}`), context)
    const config = store.inspect(base)
    expect(config.User).toBe(uid)
    expect(config.Env).toContain('NODE_OPTIONS=--require /opt/otel/register.cjs')
    const added = join(store.mount(base), 'opt/otel')
    const bytes = sizeOf(added)
    expect(bytes).toBeGreaterThan(1_000_000)
    // Of the whole image, against the one it is made from: nothing is hidden elsewhere.
    const grown = diskUse(store.mount(base)) - diskUse(store.mount(from))
    expect(grown).toBeGreaterThanOrEqual(bytes)
    expect(grown).toBeLessThan(maxAddedBytes)
    expect(globSync('**/*.tgz', { cwd: added })).toEqual([])
    // For everybody to read, for nobody but root to change.
    expect(
      globSync('**/*', { cwd: added }).filter(file => (statSync(join(added, file)).mode & 0o022) !== 0),
    ).toEqual([])
  }, 180_000)

  test('a service that knows nothing of it delivers its trace, from another working directory too', async () => {
    const image = buildService(base, `shop-${flavour}`, [
      'COPY . .',
      'WORKDIR /tmp',
      command.replace('server.js', '/app/server.js'),
    ])
    const running = await startImage(image, {})
    try {
      expect(await running.get(`/orders/${flavour}`)).toEqual({ id: flavour, cwd: '/tmp', uid: Number(uid) })
      const trace = await expectTrace(receiver, {
        name: 'GET /orders/:id',
        kind: 'server',
        service: 'shop',
        attributes: { 'url.path': `/orders/${flavour}` },
      })
      expect(trace.match.resource.attributes['service.version']).toBe('1.2.3')
    } finally {
      await running.part.stop()
    }
  }, 120_000)
})

test('a service with its own API and its own copy of the preload is traced once, and its spans are in the trace', async () => {
  const own = join(service, 'own.js')
  cpSync(join(root, 'packages/otel/dist'), join(service, 'node_modules/@org/otel/dist'), { recursive: true })
  cpSync(join(root, 'packages/otel/package.json'), join(service, 'node_modules/@org/otel/package.json'))
  writeFileSync(
    own,
    `require('@org/otel/register')
const { trace } = require('@opentelemetry/api')
const app = require('express')()
app.get('/own', (req, res) => trace.getTracer('shop').startActiveSpan('price', span => { span.end(); res.end('{}') }))
app.listen(process.env.PORT, '127.0.0.1')
`,
  )
  const image = buildService('localhost/base-debian', 'shop-own', ['COPY . .', 'CMD ["node", "own.js"]'])
  const running = await startImage(image, { OTEL_SERVICE_NAME: 'own' })
  try {
    await running.get('/own')
    const trace = await expectTrace(receiver, {
      name: 'GET /own',
      kind: 'server',
      service: 'own',
      descendants: [{ name: 'price' }],
    })
    expect(trace.spans.filter(span => span.kind === 'server')).toHaveLength(1)
    expect(trace.match.attributes['http.route']).toBe('/own')
  } finally {
    await running.part.stop()
  }
}, 120_000)

test('as an init container the files copy themselves into a volume, as nobody in particular, and fit into it', () => {
  const image = store.build('localhost/autoinstrumentation', join(context, 'Dockerfile.operator'), context)
  const [home, volume] = [store.mount(image), 'otel']
  // What an emptyDir is.
  mkdirSync(join(home, volume))
  chmodSync(join(home, volume), 0o777)
  const { args, env } = store.command(image, home, {})
  const copied = spawnSync('chroot', args, { encoding: 'utf8', env: { ...process.env, ...env } })
  expect({ status: copied.status, stderr: copied.stderr }).toEqual({ status: 0, stderr: '' })
  expect(args.slice(-4)).toEqual(initContainer.command)
  const register = join(home, volume, 'autoinstrumentation.js')
  expect(statSync(register).uid).toBe(65532)
  // Any other account, that of the service, can read it.
  const modes = globSync('**/*', { cwd: join(home, volume) }).map(
    file => statSync(join(home, volume, file)).mode,
  )
  expect(modes.filter(mode => (mode & 0o004) === 0)).toEqual([])
  for (const limit of [sizeLimit, instrumentation.spec.nodejs.volumeLimitSize])
    expect(diskUse(join(home, volume))).toBeLessThan(Number.parseInt(limit, 10) * 2 ** 20)
}, 120_000)

test.each([20, 24])(
  "the Operator's layout works from a bare volume on Node %i",
  async version => {
    const image = store.build('localhost/autoinstrumentation', join(context, 'Dockerfile.operator'), context)
    const volume = join(scratch, `otel-auto-instrumentation-nodejs-${version}`)
    mkdirSync(volume)
    // What the Operator's init container does, in the image.
    const copied = spawnSync('cp', ['-r', `${store.mount(image)}/autoinstrumentation/.`, volume], {
      encoding: 'utf8',
    })
    expect(copied.stderr).toBe('')
    const port = await freePort()
    const part = await startPart('shop', nodePath(version), ['server.js'], {
      cwd: service,
      port,
      env: {
        PORT: String(port),
        // As the Operator writes it: appended, with a leading space.
        NODE_OPTIONS: ` --require ${volume}/autoinstrumentation.js`,
        OTEL_SERVICE_NAME: `annotated-${version}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_BSP_SCHEDULE_DELAY: '50',
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '1',
        OTEL_PROPAGATORS: 'tracecontext,baggage',
      },
    })
    try {
      await until('an answer', async () => (await fetch(`http://127.0.0.1:${port}/orders/9`)).ok)
      await expectTrace(receiver, {
        name: 'GET /orders/:id',
        kind: 'server',
        service: `annotated-${version}`,
      })
      expect(part.output()).toMatch(/^up$/m)
    } finally {
      await part.stop()
    }
  },
  180_000,
)
