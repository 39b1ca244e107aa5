// Writes what is generated from TypeScript and checked in: `node src/generate.ts`. A test compares it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { generated } from './generated.ts'

// What is no longer described goes too.
for (const folder of ['grafana', 'prometheus']) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
}
for (const { file, text } of generated()) writeFileSync(file, text)
