// Applications in ES modules, and module hooks of others around ours. Cases C53 and C54, in real processes.
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { modes } from '../support/drivers.ts'
import { caseNames, removeBundles, runApp, temporaryFile } from '../support/process.ts'

afterAll(removeBundles)

test.each(modes)(
  'C53 kafkajs in an ES module application by %s needs no loader hook',
  async mode => {
    expect(await runApp('esm.mjs', mode)).toEqual(caseNames('esm.mjs').map(name => ({ name })))
  },
  30_000,
)

test.each(modes)(
  'C53 @confluentinc/kafka-javascript in an ES module application by %s needs no loader hook',
  async mode => {
    expect(await runApp('esm-confluent.mjs', mode)).toEqual(
      caseNames('esm-confluent.mjs').map(name => ({ name })),
    )
  },
  30_000,
)

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const isRunnable = major > 24 || (major === 24 && minor >= 6)
const run = isRunnable ? test : test.skip
if (!isRunnable)
  console.warn(`@platformatic/kafka needs Node 24.6, this is ${process.versions.node}: C54 skipped`)

// Every import of every module goes through import-in-the-middle, the heaviest hook there is.
run.each(modes)(
  'C54 @platformatic/kafka loads and is traced under import-in-the-middle by %s',
  async mode => {
    const hook = pathToFileURL(createRequire(__filename).resolve('import-in-the-middle/hook.mjs')).href
    const register = temporaryFile('register.mjs')
    writeFileSync(register, `import { register } from 'node:module'\nregister(${JSON.stringify(hook)})\n`)
    const results = await runApp('platformatic-load.mjs', mode, { execArgv: ['--import', register] })
    expect(results).toEqual(caseNames('platformatic-load.mjs').map(name => ({ name })))
  },
  30_000,
)
