// Writes what is generated from TypeScript and checked in: `node src/generate.ts`. A test compares it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generated } from './generated.ts'

const home = join(import.meta.dirname, '..')
// A dashboard that is no longer described goes too.
rmSync(join(home, 'grafana'), { recursive: true, force: true })
for (const { file, text } of generated()) {
  mkdirSync(dirname(join(home, file)), { recursive: true })
  writeFileSync(join(home, file), text)
}
