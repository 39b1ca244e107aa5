import { buildSecretKeys, defaultKeys } from './secret-key.ts'

/** In queries and everywhere else; in queries only; nowhere. */
const always = [
  'password', 'Password', 'PASSWORD', 'passwd', 'pwd', 'db_pwd', 'userPwd', 'passphrase', 'passcode', 'new-password', 'password1',
  'user[password]', 'user%5Bpassword%5D', 'user%255Bpassword%255D', 'user.password', 'p%61ssword', 'pass_word', 'PassWord',
  'secret', 'client_secret', 'clientSecret', 'CLIENTSECRET', 'token', 'ToKeN', 'reset-token', 'reset_token', 'resetToken',
  'authToken', 'AUTHTOKEN', 'access_token', 'id_token', 'tokens', 'X-Amz-Security-Token', 'otp', 'user_otp', 'totp', 'jwt',
  'credential', 'X-Amz-Credential', 'credentials', 'creds', 'api_key', 'apikey', 'apiKey', 'x-api-key', 'AWSAccessKeyId',
  'accessKey', 'private_key', 'authorization', 'cookie', 'PHPSESSID', 'JSESSIONID', 'cvv', 'ssn', 'page_token', '%zz_token',
  'a+password', 'ｔｏｋｅｎ',
] // biome-ignore format: one table
const inQueries = [
  'code', 'authCode', 'verification_code', 'key', 'KEY', 'licence-key', 'sig', 'Signature', 'X-Amz-Signature', 'X-Goog-Signature',
  'sign', 'session', 'session_id', 'sessionId', 'sid', 'auth', 'oauth', 'pin', 'ticket', 'SAMLResponse', 'client_assertion',
  'code_verifier', 'nonce', 'hmac', 'csrf',
] // biome-ignore format: one table
const nowhere = [
  'keyboard', 'monkey', 'turkey', 'keyword', 'barcode', 'zipcode', 'postcode', 'decode', 'country_code', 'countryCode',
  'currency-code', 'status_code', 'statusCode', 'lang_code', 'error.code', 'sort_key', 'sortKey', 'order_keys', 'author',
  'authority', 'design', 'sigma', 'assign', 'pinterest', 'optional', 'compass', 'passenger', 'id', 'q', 'page', '', '%', 'secretary',
  'token_type', 'max_tokens', 'gen_ai.usage.input_tokens', 'X-Amz-Date', 'X-Amz-Algorithm', 'response_type', 'state', 'toString',
  '__proto__', 'constructor',
] // biome-ignore format: one table

it.each(always)('%j names a secret everywhere', name => {
  expect([defaultKeys.isSecretQueryKey(name), defaultKeys.isSecretName(name)]).toEqual([true, true])
})
it.each(inQueries)('%j names a secret in a query, and mostly none elsewhere', name => {
  expect([defaultKeys.isSecretQueryKey(name), defaultKeys.isSecretName(name)]).toEqual([true, false])
})
it.each(nowhere)('%j names no secret', name => {
  expect([defaultKeys.isSecretQueryKey(name), defaultKeys.isSecretName(name)]).toEqual([false, false])
})

it('own names and globs add to the rules, exceptions win, and a list for queries replaces the rules there', () => {
  const keys = buildSecretKeys({ hidden: ['Invoice_Ref', 'x-*-id', '*pii*'], shown: ['token', 'page_*'] })
  for (const name of ['invoice_ref', 'INVOICE_REF', 'x-tenant-id', 'has-pii-inside', 'password'])
    expect([name, keys.isSecretQueryKey(name), keys.isSecretName(name)]).toEqual([name, true, true])
  for (const name of ['token', 'page_token', 'x-tenant', 'invoice'])
    expect([name, keys.isSecretQueryKey(name), keys.isSecretName(name)]).toEqual([name, false, false])
  const listed = buildSecretKeys({ query: ['mine'] })
  expect([listed.isSecretQueryKey('mine'), listed.isSecretQueryKey('token'), listed.isSecretName('token')]).toEqual([
    true,
    false,
    true,
  ])
})
