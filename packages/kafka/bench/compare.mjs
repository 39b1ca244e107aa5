// What tracing costs per message, as a share of what upstream's instrumentation costs, in one run.
//   pnpm build && node packages/kafka/bench/compare.mjs [scenario]
// Every number comes from a process of its own; the three take turns, so that a busy machine is busy for all of them.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const worker = fileURLToPath(new URL('worker.mjs', import.meta.url))
const targets = { send: 0.35, send100: 0.35, eachMessage: 0.35, eachBatch500: 0.05 }
const repeats = Number(process.env.BENCH_REPEATS ?? 3)
const only = process.argv[2]

function measure(who, scenario) {
  const child = spawnSync(process.execPath, ['--expose-gc', worker, who, scenario], { encoding: 'utf8' })
  if (child.status !== 0) throw new Error(child.stderr)
  return JSON.parse(child.stdout)
}

let missed = 0
console.log('scenario        none ns   ours adds   upstream adds   ratio   target   heap growth')
for (const [scenario, target] of Object.entries(targets)) {
  if (only && only !== scenario) continue
  const best = { none: Infinity, ours: Infinity, upstream: Infinity }
  let growth = Infinity
  for (let i = 0; i < repeats; i++) {
    for (const who of Object.keys(best)) {
      const result = measure(who, scenario)
      best[who] = Math.min(best[who], result.nsPerMessage)
      if (who === 'ours') growth = Math.min(growth, result.heapGrowthBytes)
    }
  }
  const ours = best.ours - best.none
  const upstream = best.upstream - best.none
  const ratio = ours / upstream
  if (ratio > target) missed++
  console.log(
    scenario.padEnd(14),
    best.none.toFixed(0).padStart(8),
    ours.toFixed(0).padStart(11),
    upstream.toFixed(0).padStart(15),
    ratio.toFixed(3).padStart(7),
    String(target).padStart(8),
    `${(growth / 1024).toFixed(0)} KB`.padStart(13),
  )
}
console.log(missed === 0 ? 'every target is met' : `${missed} targets are missed`)
