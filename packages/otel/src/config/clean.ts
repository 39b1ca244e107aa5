// What env files, secrets and shells leave around a value.

/** The value as it was meant, and what was wrong with it, if something was. */
export function cleanValue(raw: string): { text: string; fault?: string } {
  const first = raw.charCodeAt(0)
  const last = raw.charCodeAt(raw.length - 1)
  // Most values: nothing around them.
  if (first > 0x27 && first !== 0xfeff && last > 0x27 && last !== 0x60 && last !== 0xfeff)
    return { text: raw }
  let text = raw.trim()
  let fault = text === raw ? undefined : describeSpace(raw)
  const quote = text[0]
  if (text.length > 1 && (quote === '"' || quote === "'") && text.endsWith(quote)) {
    text = text.slice(1, -1).trim()
    fault = 'the quotes are part of the value (env files are not read by a shell); using it without them'
  }
  return fault === undefined ? { text } : { text, fault }
}

function describeSpace(raw: string): string {
  if (raw.includes('\r')) return 'ends in a carriage return (a file with Windows line ends); using it without'
  if (raw.includes('\ufeff')) return 'starts with a byte order mark; using it without'
  if (raw.endsWith('\n')) return 'ends in a line break; using it without'
  return 'has spaces around it; using it without'
}
