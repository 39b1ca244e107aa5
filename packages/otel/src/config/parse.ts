// Text to value. A parser never throws and never looks at the world: it returns the value, or what it expected.
import { isPlace } from '../self/endpoint-text.ts'

export type Parsed<T> =
  | {
      readonly value: T /** Parts that were left out, with the reason. */
      readonly faults?: readonly string[]
    }
  | { readonly fault: string }

export type Parse<T> = (text: string) => Parsed<T>

export function parseText(text: string): Parsed<string> {
  return { value: text }
}

/**
 * Shortens and hides what must not fill a log line or leave the process. What may hold a credential is shown only when it is
 * plainly none: in a damaged value nobody knows where the password ends.
 */
export function renderText(text: string, secret: boolean | 'endpoint'): string {
  if (secret === true) return '<hidden>'
  // What nobody expanded is no secret, and has to be seen.
  const plain = text.trim().replace(/(?<=^|[/:.])(?:\$\([A-Z_]+\)|\$\{[A-Z_]+\})(?=$|[/:.])/g, 'x')
  if ((secret === 'endpoint' || /@|:\/\//.test(text)) && !isPlace(plain)) return '<hidden>'
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
