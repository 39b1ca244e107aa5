// Which format of a copy of winston is its plain JSON one.
import { createRequire } from 'node:module'
import { join } from 'node:path'

/**
 * The prototype of what `winston.format.json()` of the winston in `baseDir` makes. winston loads that file itself for
 * every logger without a format of its own, so nothing is loaded that would not be.
 */
export function findJsonFormat(baseDir: string | undefined): object | undefined {
  if (baseDir === undefined) return undefined
  try {
    const require = createRequire(join(baseDir, 'package.json'))
    return Object.getPrototypeOf(require('logform/json')())
  } catch {
    return undefined
  }
}
