// Export and exits as `start` wires them, with spans made by hand: the exit matrix needs nothing else.
import { writeSync } from 'node:fs'
import { createExport } from '../../src/export/export.ts'
import { attachExits } from '../../src/lifecycle/exits.ts'
import { speakLastWords } from '../../src/lifecycle/last-words.ts'
import { renderUnsent } from '../../src/lifecycle/unsent.ts'
import { swallowedCount } from '../../src/self/guard.ts'
import { type ConfigChange, endedSpan, exportConfig, httpAttributes } from './samples.ts'

const change = JSON.parse(process.env.EXIT_TEST ?? '{}') as ConfigChange
const config = exportConfig(change)
const exported = createExport(config)
attachExits({
  endInFlight() {},
  flush: deadlineMs => exported.flush(deadlineMs),
  sayUnsent() {
    const unsent = renderUnsent(exported.account.lines())
    if (unsent !== undefined) writeSync(2, `UNSENT ${unsent}\n`)
  },
  lastWords: budgetMs => {
    exported.lastWords(budgetMs, speakLastWords)
    if (swallowedCount() > 0) writeSync(2, 'SWALLOWED')
  },
  ...config.exit,
})

let made = 0
Object.assign(globalThis, {
  addSpans(count: number) {
    for (let i = 0; i < count; i++) {
      exported.spans.add(endedSpan({ name: `span ${made++}`, attributes: httpAttributes }))
    }
  },
})
