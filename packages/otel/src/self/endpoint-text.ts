// How an endpoint is printed: user, password and query may be secrets, and in a damaged endpoint nobody knows which part
// is which. So only what is plainly a place is shown.

const place = /^(?:[a-z]{2,6}:\/\/)?(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?(?:\/[\w./-]*)?$/i

/** Nothing but scheme, host, port and path. */
export function isPlace(text: string): boolean {
  return place.test(text)
}

/** `http://user:pass@collector:4318/v1/traces?key=x` -> `http://collector:4318/v1/traces`. Never throws. */
export function describeEndpoint(endpoint: string): string {
  try {
    const { protocol, host, pathname } = new URL(endpoint)
    const path = pathname === '/' ? '' : isPlace(`h${pathname}`) ? pathname : '/<hidden>'
    const text = `${protocol}//${host}`
    return isPlace(text) ? `${text}${path}` : `${protocol}//<hidden>`
  } catch {
    return 'an endpoint that is not a URL'
  }
}
