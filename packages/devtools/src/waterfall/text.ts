// Text for a terminal. Names, messages and bodies come from the network: what could move the cursor, change colours
// or reorder the line is removed before anything is drawn.

// C0 and C1 controls, bidirectional overrides and isolates, zero-width and line/paragraph separators.
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]+/g
// A whole escape sequence goes, not only its first byte.
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])?/g
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const marks = /\p{Mark}/u

/** One line of harmless text. Line breaks and tabs become spaces. */
export function clean(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(escapes, '')
    .replace(unsafe, '')
}

/** Columns the (clean) text takes in a terminal. */
export function columns(text: string): number {
  let width = 0
  for (const char of text) width += marks.test(char) ? 0 : wide.test(char) ? 2 : 1
  return width
}

/** Cuts to `width` columns, with `…` where something is missing. */
export function cut(text: string, width: number): string {
  if (columns(text) <= width) return text
  if (width <= 0) return ''
  let result = ''
  let used = 0
  for (const char of text) {
    const next = columns(char)
    if (used + next > width - 1) break
    result += char
    used += next
  }
  return `${result}…`
}

/** Cuts or fills to exactly `width` columns. */
export function fit(text: string, width: number): string {
  const short = cut(text, width)
  return short + ' '.repeat(Math.max(0, width - columns(short)))
}

/** `850 µs`, `12.3 ms`, `380 ms`, `2.41 s`. */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`
  if (ms < 100) return `${trim(ms.toFixed(1))} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${trim((ms / 1000).toFixed(2))} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

function trim(number: string): string {
  return number.replace(/\.?0+$/, '')
}

export type Paint = (
  style: 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan' | number,
  text: string,
) => string

const codes = { bold: '1', dim: '2', red: '31', yellow: '33', green: '32', cyan: '36' }

/** Returns a function that colours text, or leaves it alone. A number is one of the 256 colours. */
export function painter(color: boolean): Paint {
  if (!color) return (_, text) => text
  return (style, text) => {
    const code = typeof style === 'number' ? `38;5;${style}` : codes[style]
    return `\x1b[${code}m${text}\x1b[0m`
  }
}

// Readable on dark and on light backgrounds.
const palette = [33, 35, 136, 162, 64, 166, 61, 37, 125, 100]

/** A colour per service, by order of appearance. */
export function paletteColor(index: number): number {
  return palette[index % palette.length]!
}
