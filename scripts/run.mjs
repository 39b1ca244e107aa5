// The root scripts: `node scripts/run.mjs <task> [arguments]`. Each one sets the clone up first, so that
// `npm test` and `npm run demo` are the only commands a newcomer needs.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root, setup, toolEnv } from './setup.mjs'

const [task, ...rest] = process.argv.slice(2)

function run(command, args, extra = {}) {
  const done = spawnSync(command, args, {
    cwd: root,
    env: toolEnv(extra),
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (done.error) throw done.error
  if (done.status !== 0) process.exit(done.status ?? 1)
}

const turbo = (...tasks) =>
  run('turbo', ['run', ...tasks, '--output-logs=errors-only', '--log-order=grouped'])
const jest = (project, ...args) => run('node', ['scripts/jest.mjs', project, ...args])

const tasks = {
  build: () => turbo('build'),
  demo: () => {
    turbo('build')
    run('node', [join('examples', 'payments', 'demo.mjs'), ...rest])
  },
  test: () => {
    if (rest.length === 0) {
      run('biome', ['check', '.'])
      turbo('build', 'typecheck')
    } else turbo('build')
    jest('quick', ...rest)
  },
  'test:real': () => {
    turbo('build')
    jest('real', ...rest)
  },
  lint: () => run('biome', ['check', '.', ...rest]),
  format: () => run('biome', ['check', '--write', '.', ...rest]),
  typecheck: () => turbo('typecheck'),
  bench: () => {
    turbo('build')
    run('node', [join('test', 'bench', 'bench.mjs'), ...rest])
  },
  pack: () => {
    turbo('build')
    run('node', [join('scripts', 'pack.mjs'), ...rest])
  },
  changeset: () => run('changeset', rest),
  'deploy:check': () => run('node', [join('packages', 'deploy', 'check.ts'), ...rest]),
}

if (!Object.hasOwn(tasks, task)) {
  process.stderr.write(`unknown task "${task}"; known: ${Object.keys(tasks).join(', ')}\n`)
  process.exit(2)
}
setup()
tasks[task]()
