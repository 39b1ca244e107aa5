// docs/logging.md: its table of presets is what pino writes, its names of fields and headers are those of the code.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import type { Preset } from './options.ts'
import { createTraceFields } from './trace-fields.ts'

const file = join(__dirname, '../../../docs/logging.md')
const traceId = 'd32ac16e6f4924b1c1bb943fefdd69cf'
const spanId = 'c379de28e1e44d37'

test('the table of presets in docs/logging.md shows what each preset writes', () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 })
  const rows = context.with(trace.setSpan(ROOT_CONTEXT, span), () =>
    (['default', 'dotted', 'ecs', 'datadog', 'gcp'] satisfies Preset[]).map(preset => {
      const fields = createTraceFields({ preset, ...(preset === 'gcp' && { gcpProject: 'shop' }) })
      expect(JSON.parse(`{${fields.json().slice(1)}}`)).toEqual(fields.read())
      return `| \`${preset}\` | \`${fields.json().slice(1)}\` |`
    }),
  )
  const table = ['<!-- presets -->', '| preset | fields |', '|---|---|', ...rows, '<!-- /presets -->'].join(
    '\n',
  )
  const page = readFileSync(file, 'utf8')
  const updated = page.replace(/<!-- presets -->[\s\S]*<!-- \/presets -->/, () => table)
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, updated)
  else expect(page).toBe(updated)
})
