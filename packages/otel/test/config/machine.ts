// The machine that tests of the configuration run on: the same everywhere, whatever the real one is.
import type { Facts } from '../../src/config/facts.ts'

/** A service in `/srv/app` on a machine without files. */
export const machine: Facts = {
  entry: '/srv/app/server.js',
  cwd: '/srv/app',
  pid: 42,
  execPath: '/usr/local/bin/node',
  nodeVersion: '24.21.0',
  platform: 'linux',
  hostname: () => 'host-1',
  arch: () => 'x64',
  osType: () => 'Linux',
  osRelease: () => '6.1.0',
  uuid: () => '00000000-0000-4000-8000-000000000000',
  readText: () => undefined,
  realPath: path => path,
}
