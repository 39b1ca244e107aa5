// Which names name a secret: keys of a query, of `key=value` in a text, of attributes and of the fields of a log record.
// A name is judged by its words, whatever joins them: `reset-token`, `resetToken`, `user[reset_token]`, `RESETTOKEN`.

/**
 * `always`: the word says it wherever it stands. `query`: only in a URL, where a key of that name is mostly a secret; as the
 * name of an attribute (`session.id`, `error.code`) or in prose (`key: 5`) it is mostly none.
 */
type Where = 'always' | 'query'

/** Whole words. */
const words: Readonly<Record<string, Where>> = {
  pwd: 'always',
  psw: 'always',
  otp: 'always',
  totp: 'always',
  jwt: 'always',
  jsessionid: 'always',
  authorization: 'always',
  cookie: 'always',
  cvv: 'always',
  cvc: 'always',
  ssn: 'always',
  creds: 'always',
  // OAuth's answer, reset and invitation links.
  code: 'query',
  codes: 'query',
  key: 'query',
  keys: 'query',
  sig: 'query',
  // Alipay, WeChat and others sign with it. Stars have one too: when in doubt we hide.
  sign: 'query',
  hmac: 'query',
  mac: 'query',
  session: 'query',
  sess: 'query',
  sid: 'query',
  auth: 'query',
  oauth: 'query',
  bearer: 'query',
  pass: 'query',
  pin: 'query',
  tan: 'query',
  // CAS and SAML log somebody in by them.
  ticket: 'query',
  assertion: 'query',
  samlresponse: 'query',
  samlrequest: 'query',
  verifier: 'query',
  nonce: 'query',
  csrf: 'query',
  xsrf: 'query',
}

/** Parts of words, so that `authtoken`, `mypassword1` and `PHPSESSID` are found: nothing harmless is spelled with them. */
const parts: readonly (readonly [string, Where])[] = [
  ['password', 'always'],
  ['passwd', 'always'],
  ['passphrase', 'always'],
  ['passcode', 'always'],
  ['passwort', 'always'],
  ['secret', 'always'],
  ['token', 'always'],
  ['credential', 'always'],
  ['apikey', 'always'],
  ['accesskey', 'always'],
  ['privatekey', 'always'],
  ['encryptionkey', 'always'],
  ['signingkey', 'always'],
  ['accountkey', 'always'],
  ['sharedkey', 'always'],
  ['masterkey', 'always'],
  ['sessid', 'always'],
  ['sessionid', 'query'],
  ['signature', 'query'],
  ['session', 'query'],
  ['authcode', 'query'],
  ['otpcode', 'query'],
]

/** Names that the rules above would hide and that are known to be harmless: hiding them costs every dashboard something. */
const harmless: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:.* )?(?:country|currency|status|lang|language|locale|postal|post|zip|area|airport|iata|icao|error|err|response|exit|colou?r|bar|qr|product|region|state|city|department|source|dial|reason|result|function) code$/,
    'says what something is: `country_code`, `statusCode`, `zip-code`',
  ],
  [/^(?:.* )?(?:sort|order|group|primary|foreign|index|partition|i18n|translation) keys?$/, 'names a column'],
  [
    /^(?:.* )?(?:max|min|total|input|output|prompt|completion|cached|reasoning|num|count|usage)(?: \w+)* tokens$/,
    'counts words of a language model: `gen_ai.usage.input_tokens`',
  ],
  [/^(?:.* )?(?:token|key|session) (?:type|count|types|limit|index)$/, 'describes the secret and is none'],
  [/^(?:.* )?secretar(?:y|ies)(?: \w+)*$/, 'a person'],
  [/^(?:.* )?tokeni[sz]e[dr]?$/, 'a program'],
]

const maxRemembered = 1000
const maxRememberedLength = 64

export interface SecretKeys {
  /** For keys in a URL. */
  isSecretQueryKey(key: string): boolean
  /** For names of attributes, fields and `key=value` elsewhere. */
  isSecretName(name: string): boolean
}

export interface OwnKeys {
  /** Names or globs (`*`) that are secret too, everywhere. */
  readonly hidden?: readonly string[]
  /** Names or globs that are not. They win. */
  readonly shown?: readonly string[]
  /** Instead of the rules, for the keys of queries. */
  readonly query?: readonly string[]
}

/**
 * @example
 * buildSecretKeys({ hidden: ['*_ref'] }).isSecretQueryKey('invoice_ref') // true
 */
export function buildSecretKeys({ hidden = [], shown = [], query }: OwnKeys = {}): SecretKeys {
  const isHidden = buildMatcher(hidden)
  const isShown = buildMatcher(shown)
  const isListed = query === undefined ? undefined : buildMatcher(query)

  function decide(key: string, where: Where): boolean {
    const name = decodeKey(key)
    const lower = name.toLowerCase()
    if (isShown(lower)) return false
    if (isHidden(lower)) return true
    if (where === 'query' && isListed !== undefined) return isListed(lower)
    return isSecretByWords(name, where)
  }
  return {
    isSecretQueryKey: remember(key => decide(key, 'query')),
    isSecretName: remember(key => decide(key, 'always')),
  }
}

function isSecretByWords(name: string, where: Where): boolean {
  const list = splitWords(name)
  const joined = list.join('')
  const isMeant = (found: Where | undefined) =>
    found === 'always' || (found !== undefined && where === 'query')
  const has = (word: string) => (Object.hasOwn(words, word) ? isMeant(words[word]) : false)
  if (!list.some(has) && !has(joined) && !parts.some(([part, w]) => isMeant(w) && joined.includes(part)))
    return false
  // Long names of strangers are not worth a look at the exceptions.
  if (joined.length > 128) return true
  const spaced = list.join(' ')
  return !harmless.some(([pattern]) => pattern.test(spaced))
}

/** `user[resetToken2]` is `user`, `reset`, `token`. */
function splitWords(name: string): string[] {
  return name
    .normalize('NFKC')
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(word => word !== '')
}

/** Keys are compared as the server will read them; twice, because proxies encode what is encoded. */
function decodeKey(key: string): string {
  let name = key
  for (let i = 0; i < 2 && (name.includes('%') || name.includes('+')); i++) {
    try {
      name = decodeURIComponent(name.replaceAll('+', ' '))
    } catch {
      // One broken escape must not hide the others.
      name = name.replace(/%([2-7][\da-f])/gi, (_all, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
      break
    }
  }
  return name
}

/** Globs know `*` only, and are matched piece by piece: no backtracking. */
function buildMatcher(list: readonly string[]): (lower: string) => boolean {
  const literal = new Set<string>()
  const globs: string[][] = []
  for (const entry of list) {
    const lower = decodeKey(entry).toLowerCase()
    if (lower.includes('*')) globs.push(lower.split('*'))
    else if (lower !== '') literal.add(lower)
  }
  return lower => literal.has(lower) || globs.some(pieces => matchGlob(pieces, lower))
}

function matchGlob(pieces: readonly string[], text: string): boolean {
  const first = pieces[0] as string
  const last = pieces.at(-1) as string
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length)
    return false
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found === -1 || found + piece.length > text.length - last.length) return false
    at = found + piece.length
  }
  return true
}

/** Names come in small numbers: a service has the same few keys in each of its requests. Bounded. */
function remember(decide: (key: string) => boolean): (key: string) => boolean {
  const known = new Map<string, boolean>()
  return key => {
    let answer = known.get(key)
    if (answer === undefined) {
      answer = decide(key)
      if (key.length <= maxRememberedLength) {
        if (known.size >= maxRemembered) known.clear()
        known.set(key, answer)
      }
    }
    return answer
  }
}

export const defaultKeys = buildSecretKeys()
