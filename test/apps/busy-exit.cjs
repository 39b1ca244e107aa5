// Ends with spans pending and one open. Everything it made has its own number as an attribute.
const { trace } = require('@opentelemetry/api')
const tracer = trace.getTracer('app')
const attributes = { run: Number(process.argv[2]) }
for (let i = 0; i < 19; i++) tracer.startSpan('done', { attributes }).end()
tracer.startSpan('open', { attributes })
if (process.argv[3] === 'throws') throw new Error('on purpose')
process.exit(3)
