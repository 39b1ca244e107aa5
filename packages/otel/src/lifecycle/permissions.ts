// What Node's permission model (`--permission`) takes from us, said once. Nothing of ours fails because of it: it is missing.

interface Permissions {
  has(scope: string): boolean
}

interface Need {
  readonly scope: string
  readonly flag: string
  readonly says: string
}

const needs: readonly Need[] = [
  { scope: 'net', flag: '--allow-net', says: 'nothing can be sent' },
  {
    scope: 'child',
    flag: '--allow-child-process',
    says: 'what is pending when the process ends by process.exit() or an error is not sent',
  },
]

/** One sentence for each thing that is forbidden. `hasNet`: whether this Node asks for the network at all (25 on). */
function renderForbidden(permission: Permissions, hasNet: boolean): string[] {
  return needs
    .filter(({ scope }) => (scope !== 'net' || hasNet) && !permission.has(scope))
    .map(({ flag, says }) => `without ${flag} ${says}`)
}

/** Undefined where the permission model is off. */
export function readForbidden(): string | undefined {
  const { permission } = process as { permission?: Permissions }
  if (permission === undefined) return undefined
  const hasNet = process.allowedNodeEnvironmentFlags.has('--allow-net')
  const forbidden = renderForbidden(permission, hasNet)
  return forbidden.length === 0 ? undefined : forbidden.join('; ')
}
