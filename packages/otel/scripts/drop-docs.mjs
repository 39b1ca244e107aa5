// The table of settings carries what docs/configuration.md is made of. At run time nobody reads that: it is a tenth of the
// core's text, so it stays out of the bundle.
import { readFileSync } from 'node:fs'

/** `says: '...',` and its like, on one line or several, in a table as our formatter lays it out. */
const documentation = /^( +)(?:says|shown|group|spec):[\s\S]*?,\n(?=\1[a-z]+[:,]|\1\.\.\.| *\}\))/gm

export const dropDocs = {
  name: 'drop-docs',
  setup(build) {
    build.onLoad({ filter: /config\/settings(-[a-z]+)?\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const contents = source.replace(documentation, '')
      if (/^ +says:/m.test(contents)) throw new Error(`${path}: documentation is left; is it formatted?`)
      return { contents, loader: 'ts' }
    })
  },
}
