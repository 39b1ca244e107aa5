// What an error says, whatever was thrown: an Error, a plain object, a text, nothing. Never throws, calls no code of the
// application but getters, and is bounded: errors can be of any size and hold themselves.
import { types } from 'node:util'

export interface ErrorText {
  /** `ECONNREFUSED`, `TypeError`; empty when it has none. */
  readonly type: string
  readonly message: string
  readonly stack: string
}

/** Where people put the text when it is not in `message`, the likeliest first. */
const textKeys = [
  'error',
  'error_description',
  'reason',
  'description',
  'detail',
  'details',
  'title',
  'msg',
  'text',
  'statusText',
  'errors',
  'cause',
] as const
const codeKeys = ['code', 'status', 'statusCode', 'errno'] as const
const maxDepth = 4
const maxKeys = 5
const maxKeyLength = 40
const nothing: ErrorText = { type: '', message: '', stack: '' }

/**
 * @example
 * describeError({ code: 'E_LIMIT', message: 'too many' }) // { type: 'E_LIMIT', message: 'too many', stack: '' }
 * describeError({ error: { message: 'no' } }).message // 'no'
 */
export function describeError(error: unknown): ErrorText {
  if (error === undefined || error === null) return nothing
  if (typeof error !== 'object' && typeof error !== 'function') return { ...nothing, message: print(error) }
  const code = read(error, 'code')
  const name = read(error, 'name')
  const stack = read(error, 'stack')
  // The numbers of a DOMException (23) say less than its name (TimeoutError); a number without a name is all there is.
  const hasName = typeof name === 'string' && name !== ''
  const type =
    isText(code) && code !== 0 && (typeof code === 'string' || !hasName || name === 'Error')
      ? print(code)
      : hasName
        ? name
        : ''
  return {
    type,
    message: findMessage(error, 0) || (type === '' ? sayWhat(error) : ''),
    stack: typeof stack === 'string' ? stack : '',
  }
}

/** The message alone, for the status of a span; empty when there is none. */
export function messageOf(error: unknown): string {
  return describeError(error).message
}

/** `TypeError: x is not a function`, for a line of ours. */
export function printError(error: unknown): string {
  if (error === undefined || error === null) return String(error)
  const { type, message } = describeError(error)
  const name = typeof error === 'object' ? read(error, 'name') : undefined
  const shown = typeof name === 'string' && name !== '' ? name : type
  return shown === '' || message === '' ? message || shown : `${shown}: ${message}`
}

function findMessage(error: object, depth: number): string {
  const message = read(error, 'message')
  if (isText(message)) return print(message)
  if (depth >= maxDepth) return ''
  const keys = isObject(message) ? ['message', ...textKeys] : textKeys
  for (const key of keys) {
    let value = read(error, key)
    if (key === 'errors' && Array.isArray(value)) value = read(value, '0')
    if (isText(value)) return print(value)
    if (isObject(value)) {
      const below = findMessage(value, depth + 1)
      if (below !== '') return below
    }
  }
  return ''
}

/** Of an object that has neither text nor type. Its values stay where they are: nobody said that they are for reading. */
function sayWhat(error: object): string {
  const codes = codeKeys.flatMap(key => {
    const value = read(error, key)
    return isText(value) ? [`${key} ${print(value)}`] : []
  })
  if (codes.length > 0) return codes.join(', ')
  if (types.isNativeError(error)) return ''
  try {
    if (typeof error === 'function') return 'a function'
    if (Array.isArray(error)) return `a list of ${error.length}`
    const keys = Object.keys(error)
    if (keys.length === 0) return 'an object without a message'
    const named = keys.slice(0, maxKeys).map(key => key.slice(0, maxKeyLength))
    return `an object without a message (${named.join(', ')}${keys.length > maxKeys ? ', ...' : ''})`
  } catch {
    return 'an object that cannot be read'
  }
}

function isText(value: unknown): value is string | number | bigint | boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number' || typeof value === 'bigint'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function print(value: unknown): string {
  return typeof value === 'string' ? value : String(value)
}

function read(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}
