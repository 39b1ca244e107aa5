// Unknown fields in a manifest. The compiled schemas of kubernetes-models accept them in silence, as an API server does
// that is not asked to be strict: `replcias: 3` would be one replica. A validator looks at every field it knows, so
// what it never looks at is unknown: it gets the object behind a proxy that takes notes.

interface Watched {
  readonly path: string
  readonly value: object
  readonly seen: Set<string>
}

/** Paths that `validate` never looked at: `spec.replcias`. */
export function findUnknownFields(value: object, validate: (value: unknown) => void): string[] {
  const all: Watched[] = []
  const watch = (target: unknown, path: string): unknown => {
    if (typeof target !== 'object' || target === null) return target
    const seen = new Set<string>()
    const children = new Map<string, unknown>()
    all.push({ path, value: target, seen })
    return new Proxy(target, {
      get(object, key) {
        const child = Reflect.get(object, key)
        if (typeof key !== 'string') return child
        seen.add(key)
        if (!children.has(key))
          children.set(
            key,
            watch(child, Array.isArray(object) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`),
          )
        return children.get(key)
      },
    })
  }
  validate(watch(value, ''))
  return all.flatMap(({ path, value: target, seen }) => {
    // Nothing inside was looked at: free-form, such as the data of a ConfigMap with any value.
    if (seen.size === 0 || Array.isArray(target)) return []
    return Object.keys(target)
      .filter(key => !seen.has(key))
      .map(key => (path === '' ? key : `${path}.${key}`))
  })
}
