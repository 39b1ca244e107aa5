import type { Facts } from './facts.ts'

const maxBytes = 128 * 1024

/** The id of the container this process runs in, from cgroup v1 or, under v2, from the mounts of the runtime. */
export function findContainerId(facts: Pick<Facts, 'readText'>): string | undefined {
  const cgroup = facts.readText('/proc/self/cgroup', maxBytes)
  if (cgroup === undefined) return undefined
  const id = parseCgroup(cgroup)
  // A path that names a slice or a session is the host's own view; the mounts take the kernel longer to write than all
  // else here takes, so they are read only where a container hides its path.
  if (id !== undefined || hasHostPath(cgroup)) return id
  const mounts = facts.readText('/proc/self/mountinfo', maxBytes)
  return mounts === undefined ? undefined : parseMountinfo(mounts)
}

function hasHostPath(cgroup: string): boolean {
  for (const line of cgroup.split('\n')) {
    const path = line.slice(line.lastIndexOf(':') + 1)
    if (path !== '' && path !== '/' && !path.startsWith('/..')) return true
  }
  return false
}

/** `12:cpu:/kubepods/burstable/pod.../cri-containerd-<id>.scope`. */
export function parseCgroup(text: string): string | undefined {
  for (const line of text.split('\n')) {
    const last = line.slice(line.lastIndexOf('/') + 1)
    if (last.length < 32) continue
    const id = findHex(last, 64)
    if (id !== undefined) return id
    // AWS Fargate: the task's 32 hexadecimal characters, a dash and digits.
    if (last[32] === '-' && findHex(last.slice(0, 32), 32) !== undefined && isDigits(last.slice(33)))
      return last
  }
  return undefined
}

/**
 * Under cgroup v2 the path is `/`, but the runtime mounts hostname, hosts or resolv.conf from the container's own
 * directory. Overlay layers carry ids of the same length and are not it; neither is the sandbox, from which containerd
 * mounts these files and which belongs to the pod's pause container.
 */
export function parseMountinfo(text: string): string | undefined {
  for (const line of text.split('\n')) {
    if (
      !line.includes(' /etc/hostname ') &&
      !line.includes(' /etc/hosts ') &&
      !line.includes(' /etc/resolv.conf ')
    ) {
      continue
    }
    const parts = line.split('/')
    for (let i = 0; i + 1 < parts.length; i++) {
      if (parts[i] !== 'containers' && parts[i] !== 'overlay-containers') continue
      const id = parts[i + 1]!
      if (id.length === 64 && findHex(id, 64) !== undefined) return id
    }
  }
  return undefined
}

// By hand: a regular expression with {64} takes V8 half a millisecond to compile, at every start.
function findHex(text: string, length: number): string | undefined {
  let run = 0
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 0
    if ((c >= 48 && c <= 57) || (c >= 97 && c <= 102)) run++
    else {
      if (run === length) return text.slice(i - run, i)
      run = 0
    }
  }
  return undefined
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 48 || text.charCodeAt(i) > 57) return false
  return text !== ''
}
