import type { Span } from '../store/record.ts'
import { clean } from './text.ts'

/** HTTP spans without a route are named by their method only; the path says which call it is. */
export function titleOf(span: Span): string {
  return `${clean(span.name)}${pathOf(span)}`
}

function pathOf(span: Span): string {
  if (span.name.includes('/')) return ''
  if (span.kind === 'server') {
    const path = span.attributes['url.path'] ?? span.attributes['http.target']
    return typeof path === 'string' ? ` ${clean(path.split('?', 1)[0]!)}` : ''
  }
  const url = span.attributes['url.full'] ?? span.attributes['http.url']
  if (span.kind !== 'client' || typeof url !== 'string') return ''
  try {
    return ` ${clean(new URL(url).pathname)}`
  } catch {
    return ''
  }
}
