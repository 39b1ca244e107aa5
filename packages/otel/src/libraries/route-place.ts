// Where in an express application something was declared, and the template that makes with what is around it:
// `/api` around `/users/:id` is `/api/users/:id`. Written as upstream writes `http.route`.

// `*`, `/*`, `(.*)`, `/(.*)` of express 4; `/*path`, `/{*path}`, `{/*path}` of express 5.
const catchAll = /^\/?(\*\w*|\(\.\*\)|\{\/?\*\w*\})$/
// `/.*/`, `/^\/(.*)$/` and the like, without what only groups or anchors.
const catchAllSource = /^(\\?\/)?\.[*+]$/

export class RoutePlace {
  readonly path: string
  /** Made with `use`: what is inside has this as its prefix. */
  readonly isMount: boolean
  /** A route for everything: middleware by another name. */
  readonly isCatchAll: boolean
  // The last answer: a place is nearly always inside the same others, and the text is then the same object.
  private outer: string | undefined
  private joined = ''

  /** `path`: what was given to `route` or `use`. */
  constructor(path: unknown, isMount: boolean) {
    this.path = printPath(path)
    this.isMount = isMount
    this.isCatchAll = !isMount && isCatchAll(path)
  }

  /**
   * @example
   * new RoutePlace('/:id', false).join('/users') // '/users/:id'
   * new RoutePlace(['/a', /^\/b/], false).join('') // '/a,/^\\/b/'
   */
  join(outer: string): string {
    if (outer !== this.outer) {
      this.outer = outer
      this.joined = joinPaths(outer, this.path)
    }
    return this.joined
  }
}

/** Middleware for everything is on the way to every route: that it ran says nothing. */
export function isEverywhere(path: unknown): boolean {
  if (typeof path === 'function') return true
  if (Array.isArray(path)) return path.flat(Number.POSITIVE_INFINITY).every(isEverywhere)
  return typeof path === 'string' ? path === '/' || path === '' || isCatchAll(path) : !isNarrow(path)
}

const isNarrow = (path: unknown): boolean => path instanceof RegExp && !isCatchAll(path)

function isCatchAll(path: unknown): boolean {
  if (Array.isArray(path)) return path.length > 0 && path.flat(Number.POSITIVE_INFINITY).every(isCatchAll)
  if (path instanceof RegExp) return catchAllSource.test(path.source.replace(/\(\?:|\\\/\?\$?$|[\^$()]/g, ''))
  return typeof path === 'string' && catchAll.test(path)
}

function printPath(path: unknown): string {
  if (Array.isArray(path)) return path.map(printPath).join(',')
  return typeof path === 'string' || path instanceof RegExp || typeof path === 'number' ? String(path) : ''
}

function joinPaths(outer: string, path: string): string {
  const whole = `${outer}${path === '/' ? '' : path}`
  if (whole === '*') return whole
  return (whole.startsWith('/') ? whole : `/${whole}`).replace(/\/{2,}/g, '/')
}
