// Health checks: counted, not traced. A probe every second from three kubelets is the larger half of many services' traces.
import type { Config } from '../../config/config.ts'

export interface ProbeFilter {
  /** Path without query. */
  isProbePath(path: string): boolean
  isProbeAgent(userAgent: string): boolean
}

/** Globs over paths (`*` one segment, `**` any number) and substrings of user agents, from `Config.http`. */
export function buildProbeFilter(http: Pick<Config['http'], 'probePaths' | 'probeUserAgents'>): ProbeFilter {
  const exact = new Set(http.probePaths.filter(glob => !glob.includes('*')))
  const globs = http.probePaths.filter(glob => glob.includes('*')).map(parseGlob)
  const agents = http.probeUserAgents.map(agent => agent.toLowerCase())
  return {
    isProbePath(path) {
      if (exact.has(path)) return true
      for (const glob of globs) if (glob.test(path)) return true
      return false
    },
    isProbeAgent(userAgent) {
      if (agents.length === 0) return false
      const lower = userAgent.toLowerCase()
      for (const agent of agents) if (lower.includes(agent)) return true
      return false
    },
  }
}

function parseGlob(glob: string): RegExp {
  const source = glob
    .split(/(\*\*|\*)/)
    .map(part => (part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')))
    .join('')
  return new RegExp(`^${source}$`)
}
