// The third-party notice, from what esbuild really put into the bundle: name, version and licence text of each package.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Absolute directories of the packages whose files are in the bundle. */
function packagesIn(metafiles, cwd) {
  const directories = new Set()
  for (const { outputs } of metafiles) {
    for (const { inputs } of Object.values(outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        const at = input.lastIndexOf('node_modules/')
        if (at === -1 || bytesInOutput === 0) continue
        const parts = input.slice(at + 'node_modules/'.length).split('/')
        const name = parts[0].startsWith('@') ? `${parts[0]}/${parts[1]}` : parts[0]
        directories.add(resolve(cwd, input.slice(0, at), 'node_modules', name))
      }
    }
  }
  return [...directories]
}

/** The licence and notice files of a package; else the licence section of its README. */
function licenceOf(directory) {
  const files = readdirSync(directory)
  const read = name => (name ? readFileSync(join(directory, name), 'utf8').trim() : '')
  const licence = read(files.find(name => /^licen[cs]e/i.test(name)))
  const notice = read(files.find(name => /^notice/i.test(name)))
  if (licence !== '') return [licence, notice].filter(Boolean).join('\n\n')
  const [, section] = read(files.find(name => /^readme/i.test(name))).split(
    /^(?:#+ *)?licen[cs]e *\n(?:-+\n)?/im,
  )
  if (!section) throw new Error(`${directory} has no licence text: its code may not be bundled`)
  return section.trim()
}

/** Markdown: a table of the packages, then each different licence text once with the packages it covers. */
export function renderNotices(metafiles, cwd) {
  const packages = packagesIn(metafiles, cwd)
    .filter(directory => existsSync(join(directory, 'package.json')))
    .map(directory => ({ ...JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')), directory }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const texts = new Map()
  for (const one of packages) {
    const text = licenceOf(one.directory)
    texts.set(text, [...(texts.get(text) ?? []), `${one.name}@${one.version}`])
  }
  return [
    '# Third-party notices',
    '',
    'Generated at build time from the content of the bundle. `@org/otel` contains code of these packages:',
    '',
    '| package | version | licence |',
    '| --- | --- | --- |',
    ...packages.map(one => `| ${one.name} | ${one.version} | ${one.license ?? 'see below'} |`),
    '',
    ...[...texts].flatMap(([text, names]) => [`## ${names.join(', ')}`, '', '```text', text, '```', '']),
  ].join('\n')
}
