// Text to value. A parser never throws and never looks at the world: it returns the value, or what it expected.

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

/** Shortens and hides what must not fill a log line or leave the process. */
export function renderText(text: string, secret: boolean): string {
  if (secret) return '<hidden>'
  const shown = text.replace(/\/\/[^/?#\s]*@/, '//<hidden>@').replace(/(:\/\/[^\s?]*\?).+/, '$1<hidden>')
  return JSON.stringify(shown.length > 80 ? `${shown.slice(0, 77)}...` : shown)
}
