const { writeFileSync } = require('node:fs')
const run = require('./run-exercises.cjs')

run(require, process.env.TEST_ONLY?.split(',')).then(results => {
  writeFileSync(process.env.TEST_RESULTS, JSON.stringify(results))
  process.exit(0)
})
