/**
 * `$(NODE_IP)` (Kubernetes leaves it when the variable is defined later or not at all) and `${NODE_IP}` (an env file
 * that nobody expands) in a value: what was meant is not there.
 */
export function findUnexpanded(text: string): string | undefined {
  if (!text.includes('$')) return undefined
  return /\$\([A-Za-z_][A-Za-z0-9_.-]*\)|\$\{[A-Za-z_][^}\s]*\}/.exec(text)?.[0]
}
