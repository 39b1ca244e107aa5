// Baggage from a broker ends up in the headers of the HTTP calls a handler makes. A member that is no legal header
// value there would make such a call fail, so it must not come in at all (seen: one message with `baggage: a=1;☃`
// ended the process of everyone who consumed it).

const maxBytes = 8192
const maxMembers = 64

const suspicious = /[^\t\x20-\x7e]|%/
const illegal = /[^\t\x20-\x7e]/

/** The members that are safe to send on, at most 64 and 8192 bytes of them; undefined when none is left. */
export function cleanBaggage(text: string): string | undefined {
  // Fewer characters than members could need: the count cannot be above the limit, and nothing looks odd.
  if (text.length < maxMembers * 2 && !suspicious.test(text)) return text
  const kept: string[] = []
  let bytes = 0
  for (const member of text.split(',', maxMembers * 4)) {
    if (member === '' || !isLegal(member)) continue
    bytes += member.length + 1
    if (bytes > maxBytes || kept.length >= maxMembers) break
    kept.push(member)
  }
  return kept.length > 0 ? kept.join(',') : undefined
}

function isLegal(member: string): boolean {
  if (illegal.test(member)) return false
  if (!member.includes('%')) return true
  try {
    decodeURIComponent(member)
    return true
  } catch {
    return false
  }
}
