import type { Facts } from './facts.ts'

const maxBytes = 128 * 1024
const hex64 = /(?:^|[^0-9a-f])([0-9a-f]{64})(?:[^0-9a-f]|$)/
// AWS Fargate: task id, a dash and digits instead of 64 hexadecimal characters.
const fargate = /\/([0-9a-f]{32}-\d+)$/

/** The id of the container this process runs in, from cgroup v1 or, under v2, from the mounts of the runtime. */
export function findContainerId(facts: Pick<Facts, 'readText'>): string | undefined {
  const cgroup = facts.readText('/proc/self/cgroup', maxBytes)
  const id = cgroup === undefined ? undefined : parseCgroup(cgroup)
  if (id !== undefined) return id
  const mounts = facts.readText('/proc/self/mountinfo', maxBytes)
  return mounts === undefined ? undefined : parseMountinfo(mounts)
}

/** `12:cpu:/kubepods/burstable/pod.../cri-containerd-<id>.scope`. */
export function parseCgroup(text: string): string | undefined {
  for (const line of text.split('\n')) {
    const path = line.slice(line.lastIndexOf(':') + 1)
    const last = path.slice(path.lastIndexOf('/') + 1)
    const id = hex64.exec(last)?.[1] ?? fargate.exec(path)?.[1]
    if (id !== undefined) return id
  }
  return undefined
}

/**
 * Under cgroup v2 the path is `/`, but the runtime mounts hostname, hosts or resolv.conf from the container's own
 * directory. Overlay layers carry ids of the same length and are not it.
 */
export function parseMountinfo(text: string): string | undefined {
  for (const line of text.split('\n')) {
    if (!/ \/etc\/(?:hostname|hosts|resolv\.conf) /.test(line)) continue
    const id = /\/(?:containers|overlay-containers|sandboxes)\/([0-9a-f]{64})\//.exec(line)?.[1]
    // The sandbox is the pod's pause container, not this one: containerd mounts these files from there.
    if (id !== undefined && !line.includes('/sandboxes/')) return id
  }
  return undefined
}
