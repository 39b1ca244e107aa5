// Which formats of one copy of winston end in plain JSON and look at nothing else of the info than at what they are for:
// the fields can be put into their text afterwards. A combined format does not tell what it is made of, so `combine` is
// asked to remember it.
import { createRequire } from 'node:module'
import { join } from 'node:path'

interface Format {
  transform(info: object, options: object): unknown
  readonly options?: object
}
type Combine = (...formats: Format[]) => Format

/** logform's formats that read the level, the message, what they set themselves, or an error, and nothing else. */
const indifferent = [
  'align',
  'colorize',
  'errors',
  'label',
  'ms',
  'pad-levels',
  'splat',
  'timestamp',
  'uncolorize',
] as const

export interface WinstonFormats {
  isJson(format: object | undefined): boolean
  /** What the JSON format would have written, had it met `info` as it is now. */
  renderJson(info: object): void
  /** Gives winston's own `combine` back. */
  detach(): void
}

/**
 * The formats of the winston in `baseDir`. winston loads JSON itself for every logger without a format of its own, so
 * nothing is loaded that would not be.
 */
export function findWinstonFormats(baseDir: string | undefined): WinstonFormats | undefined {
  if (baseDir === undefined) return undefined
  try {
    const require = createRequire(join(baseDir, 'package.json'))
    const json = require('logform/json')() as Format
    const parts = new WeakMap<object, readonly Format[]>()
    return {
      ...readFormats(require, json, parts),
      renderJson: info => void json.transform(info, {}),
      detach: watchCombine(require, parts),
    }
  } catch {
    return undefined
  }
}

function readFormats(
  require: NodeJS.Require,
  json: Format,
  parts: WeakMap<object, readonly Format[]>,
): Pick<WinstonFormats, 'isJson'> {
  const jsonPrototype = Object.getPrototypeOf(json)

  function isPlainJson(format: Format | undefined): boolean {
    if (format === undefined || Object.getPrototypeOf(format) !== jsonPrototype) return false
    for (const _option in format.options) return false
    return !Object.hasOwn(format, 'transform')
  }

  function isIndifferent(format: Format): boolean {
    if (Object.hasOwn(format, 'transform')) return false
    const inner = parts.get(format)
    if (inner !== undefined) return inner.every(isIndifferent)
    const prototype = Object.getPrototypeOf(format)
    return (
      prototype !== null &&
      indifferent.some(name => prototypeOf(require, name) === prototype) &&
      !('alias' in (format.options ?? {}))
    )
  }

  function endsInJson(format: Format): boolean {
    if (isPlainJson(format)) return true
    const inner = parts.get(format)
    if (inner === undefined || inner.length === 0 || Object.hasOwn(format, 'transform')) return false
    return inner.slice(0, -1).every(isIndifferent) && endsInJson(inner.at(-1)!)
  }

  // A logger keeps its format; one process has few of them.
  let lastFormat: object | undefined
  let lastAnswer = false
  const answers = new WeakMap<object, boolean>()
  function isJson(format: object | undefined): boolean {
    if (format === lastFormat || format === undefined) return format !== undefined && lastAnswer
    let answer = answers.get(format)
    if (answer === undefined) answers.set(format, (answer = endsInJson(format as Format)))
    lastFormat = format
    lastAnswer = answer
    return answer
  }
  return { isJson }
}

/** A format in use was loaded by the application; an older logform may lack one. */
function prototypeOf(require: NodeJS.Require, name: string): object | undefined {
  try {
    const file = require.resolve(`logform/${name}`)
    return require.cache[file] === undefined ? undefined : Object.getPrototypeOf(require(file)())
  } catch {
    return undefined
  }
}

/** `winston.format.combine` is a getter of logform; whoever has taken the function before us keeps the original. */
function watchCombine(require: NodeJS.Require, parts: WeakMap<object, readonly Format[]>): () => void {
  const { format } = require('logform') as { format: object }
  const own = Object.getOwnPropertyDescriptor(format, 'combine')
  if (own?.get === undefined || own.configurable !== true) return () => {}
  let combine: Combine | undefined
  function remember(): Combine {
    const original = require('logform/combine') as Combine
    const remembering: Combine = (...formats) => {
      const combined = original(...formats)
      parts.set(combined, formats)
      return combined
    }
    return Object.defineProperties(remembering, Object.getOwnPropertyDescriptors(original))
  }
  const get = () => (combine ??= remember())
  Object.defineProperty(format, 'combine', { ...own, get })
  return () => {
    if (Object.getOwnPropertyDescriptor(format, 'combine')?.get === get)
      Object.defineProperty(format, 'combine', own)
  }
}
