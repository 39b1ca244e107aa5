/** Header names as HTTP/2 wants them and HTTP/1 does not mind. */
export function lowerCaseKeys(headers: Readonly<Record<string, string>>): Record<string, string> {
  const out: Record<string, string> = {}
  for (const key of Object.keys(headers)) out[key.toLowerCase()] = headers[key]!
  return out
}
