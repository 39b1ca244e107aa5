// A tiny runner: cases register themselves, run one after the other, and are reported to the parent.
const cases = []

export const sdk = globalThis.testSdk
export const mode = `${process.env.TEST_PRELOAD}${process.env.TEST_IMPORT}`
export const imports = process.env.TEST_IMPORT === '1'

export function check(name, run) {
  cases.push({ name, run })
}

/** Options of clients made from now on, for every mode. */
export function configure(options) {
  const target = globalThis.testOptions
  for (const key of Object.keys(target)) delete target[key]
  Object.assign(target, options)
}
export const options = () => globalThis.testOptions

export async function runCases() {
  for (const { name, run } of cases) {
    sdk.reset()
    configure({})
    const timer = setTimeout(() => {
      process.send({ name, error: 'took longer than 10 s' }, () => process.exit(1))
    }, 10_000)
    try {
      await run()
      const internal = sdk.said.filter(line => line.includes('ORG_OTEL_KAFKA_INTERNAL'))
      if (internal.length > 0) throw new Error(`our own code failed: ${internal.join()}`)
      process.send({ name })
    } catch (error) {
      process.send({ name, error: String(error?.stack ?? error) })
    }
    clearTimeout(timer)
  }
}
