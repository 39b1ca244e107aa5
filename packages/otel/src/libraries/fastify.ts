export function fastifyHooks() {
  return { modules: [] }
}
