// Runs every exercise inside a span of its own and notes which spans came out of it, by name of the library.
const exercises = require('./exercises.cjs')

module.exports = async function run(load, only) {
  const { report, inSpan } = globalThis[Symbol.for('org.otel.test')]
  const results = {}
  for (const [name, exercise] of Object.entries(exercises)) {
    if (only && !only.includes(name)) continue
    const before = report().spans.length
    let error
    const began = performance.now()
    try {
      await inSpan(() => exercise(load))
    } catch (thrown) {
      error = thrown.stack
    }
    // Spans that end with the response of the last request: one turn after it.
    await new Promise(resolve => setImmediate(resolve))
    const spans = report()
      .spans.slice(before)
      .map(span => ({ scope: span.scope, name: span.name, route: span.attributes['http.route'] }))
    results[name] = { spans, error, ms: Math.round(performance.now() - began) }
  }
  return results
}
