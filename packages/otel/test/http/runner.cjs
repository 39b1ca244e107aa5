// node runner.cjs <preload or -> <out.json> <program>...: runs programs one after the other and writes, per program, what it
// returned (to be equal with and without telemetry) and the spans it made.
'use strict'
const { writeFileSync } = require('node:fs')
const path = require('node:path')
const [preload, out, ...programs] = process.argv.slice(2)
const telemetry = preload === '-' ? undefined : require(preload)
process.on('warning', warning => {
  throw new Error(`process warning: ${warning.stack}`)
})

const deadlineMs = 1500
async function settle() {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
  const until = Date.now() + deadlineMs
  // Some of upstream's spans never end: the deadline is for those.
  while (telemetry !== undefined && telemetry.openSpans() > 0 && Date.now() < until)
    await new Promise(resolve => setTimeout(resolve, 5))
}

async function main() {
  const results = {}
  let openBefore = 0
  for (const file of programs) {
    const program = require(file)
    const result = await program()
    await settle()
    const open = telemetry?.openSpans() ?? 0
    results[path.basename(file, '.cjs')] = {
      result,
      spans: telemetry?.takeSpans() ?? [],
      neverEnded: open - openBefore,
    }
    openBefore = open
  }
  const metrics = (await telemetry?.takeMetrics()) ?? []
  writeFileSync(out, JSON.stringify({ results, metrics, swallowed: telemetry?.swallowed() ?? 0 }))
  process.exit(0)
}
main().catch(error => {
  console.error(error)
  process.exit(1)
})
