// The table of settings carries what docs/configuration.md is made of. At run time nobody reads that: it is a tenth of the
// core's text, so it stays out of the bundle.
import { readFileSync } from 'node:fs'

/** `says: '...',` and its like, on one line or several, in a table as our formatter lays it out. */
const documentation = /^( +)(?:says|shown|group|spec):[\s\S]*?,\n(?=\1[a-z]+[:,]|\1\.\.\.| *\}\))/gm

const needed = ['key', 'env', 'parse', 'fallback', 'secret']
const count = (field, text) => text.match(new RegExp(`^ +${field}:`, 'gm'))?.length ?? 0

export const dropDocs = {
  name: 'drop-docs',
  setup(build) {
    build.onLoad({ filter: /config\/settings(-[a-z]+)?\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const contents = source.replace(documentation, '')
      const lost = needed.filter(field => count(field, source) !== count(field, contents))
      if (lost.length > 0 || count('says', contents) > 0)
        throw new Error(`${path} is not laid out as expected; is it formatted? (${lost})`)
      return { contents, loader: 'ts' }
    })
  },
}
