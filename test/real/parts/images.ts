// Images without an engine: buildah builds the shipped Dockerfiles unchanged, on a stand-in for the official base
// images (no registry of images is asked): Debian from its mirror, the Node binary, npm. A container is a chroot with
// the environment, the account and the command that the image says.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { nodePath } from '../../../scripts/nodes.mjs'
import { cached, installDebian, run } from './install.ts'

/** What the Dockerfiles start from. One stand-in takes all their names. */
export const standInNames = [
  'docker.io/library/node:24-bookworm-slim',
  'docker.io/library/node:24-alpine',
  'docker.io/library/busybox:1.37',
  'gcr.io/distroless/nodejs24-debian12:nonroot',
]

export interface ImageConfig {
  readonly Env: readonly string[]
  readonly User: string
  readonly Cmd: readonly string[]
  readonly Entrypoint?: readonly string[]
  readonly WorkingDir: string
}

export interface ImageStore {
  /** Builds and returns the name. `context` is the folder with the Dockerfile's files. */
  build(name: string, dockerfile: string, context: string): string
  inspect(name: string): ImageConfig
  /** The root file system of a new container of the image. */
  mount(name: string): string
  /** How to run the image's command in `root`: program, arguments and environment for a process. */
  command(
    name: string,
    root: string,
    env: Record<string, string>,
  ): { args: string[]; env: Record<string, string> }
  dispose(): void
}

function makeRootfs(directory: string): void {
  installDebian('debootstrap')
  const rootfs = join(directory, 'rootfs')
  const include = 'ca-certificates,libstdc++6'
  run(
    'debootstrap',
    ['--variant=minbase', `--include=${include}`, 'bookworm', rootfs, 'http://deb.debian.org/debian'],
    {
      what: 'a Debian root file system (a minute the first time)',
    },
  )
  // Node alone is what the images have; the rest of a minimal Debian only costs time to copy.
  for (const path of [
    'usr/share/doc',
    'usr/share/locale',
    'usr/share/man',
    'var/cache/apt',
    'var/lib/apt/lists',
  ]) {
    rmSync(join(rootfs, path), { recursive: true, force: true })
  }
  cpSync(nodePath(24), join(rootfs, 'usr/local/bin/node'))
  const npm = dirname(dirname(realpathSync(run('sh', ['-c', 'command -v npm']).trim())))
  cpSync(npm, join(rootfs, 'usr/local/lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(rootfs, 'usr/local/bin/npm'))
  mkdirSync(join(rootfs, 'nodejs/bin'), { recursive: true })
  symlinkSync('/usr/local/bin/node', join(rootfs, 'nodejs/bin/node'))
  // A company's own certificate authorities are trusted by the machine; the build trusts what the machine trusts.
  const authorities = '/etc/ssl/certs/ca-certificates.crt'
  if (existsSync(authorities)) cpSync(authorities, join(rootfs, authorities))
  writeFileSync(join(rootfs, 'etc/passwd'), 'node:x:1000:1000::/home/node:/bin/sh\n', { flag: 'a' })
  writeFileSync(join(rootfs, 'etc/group'), 'node:x:1000:\n', { flag: 'a' })
  mkdirSync(join(rootfs, 'home/node'), { recursive: true })
}

/** An empty store that knows the stand-ins. */
export function openImageStore(): ImageStore {
  installDebian('buildah')
  const rootfs = join(cached('standin-bookworm-node24', makeRootfs), 'rootfs')
  const home = mkdtempSync(join(tmpdir(), 'real-images-'))
  const containers: string[] = []
  const buildah = (args: readonly string[], what?: string) =>
    run('buildah', ['--root', join(home, 'store'), '--runroot', join(home, 'run'), ...args], {
      env: { BUILDAH_ISOLATION: 'chroot' },
      ...(what !== undefined && { what }),
    }).trim()

  const base = buildah(['from', 'scratch'])
  const target = buildah(['mount', base])
  run('cp', ['-a', `${rootfs}/.`, target], { what: 'the stand-in for the official base images' })
  buildah(['config', '--env', `NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt`, base])
  buildah(['umount', base])
  buildah(['commit', '-q', '--rm', base, standInNames[0]!])
  for (const name of standInNames.slice(1, 3)) buildah(['tag', standInNames[0]!, name])
  // Distroless has node as its entry point.
  const distroless = buildah(['from', '--pull-never', standInNames[0]!])
  buildah(['config', '--entrypoint', '["/nodejs/bin/node"]', '--cmd', '', distroless])
  buildah(['commit', '-q', '--rm', distroless, standInNames[3]!])

  const npmrc = join(homedir(), '.npmrc')
  const inspect = (name: string): ImageConfig => {
    const image = JSON.parse(buildah(['inspect', '--type', 'image', name]))
    return image.Docker.config
  }
  return {
    build(name, dockerfile, context) {
      const secret = existsSync(npmrc) ? ['--secret', `id=npmrc,src=${npmrc}`] : []
      const args = ['build', '--pull-never', '--isolation', 'chroot', '--format', 'docker', ...secret]
      buildah([...args, '-t', name, '-f', dockerfile, context], `building ${name}`)
      return name
    },
    inspect,
    mount(name) {
      const container = buildah(['from', '--pull-never', name])
      containers.push(container)
      return buildah(['mount', container])
    },
    command(name, root, env) {
      const config = inspect(name)
      const program = [...(config.Entrypoint ?? []), ...config.Cmd]
      // `env -C` is the image's WORKDIR; chroot itself leaves us in /.
      const args = [
        `--userspec=${config.User}:${config.User}`,
        root,
        '/usr/bin/env',
        '-C',
        config.WorkingDir || '/',
      ]
      const own = Object.fromEntries(
        config.Env.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
      )
      return { args: [...args, ...program], env: { ...own, ...env } }
    },
    dispose() {
      for (const container of containers)
        spawnSync('buildah', ['--root', join(home, 'store'), '--runroot', join(home, 'run'), 'rm', container])
      rmSync(home, { recursive: true, force: true })
    },
  }
}
