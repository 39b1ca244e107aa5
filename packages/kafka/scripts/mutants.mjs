// Breaks the package on purpose, one way at a time, and checks that the tests notice: each mutation is applied to a
// copy of the package, and in the suites named with it a test must go red: where the mutation names a case or a test,
// that one. Prints a table; exits 1 when one survives.
//
//   node packages/kafka/scripts/mutants.mjs            all of them
//   node packages/kafka/scripts/mutants.mjs status     those whose name contains "status"
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * `find` must occur exactly once, so that a mutation cannot silently stop being one when the code changes. The test
 * that has to notice is `by`, a part of its title, or else the case in parentheses.
 */
const mutations = [
  // The kill-list of the conformance document.
  {
    name: 'headers are written into the caller objects (C02)',
    file: 'src/outgoing.ts',
    find: 'const copy = copyFields(message, messageFields)',
    replace: 'const copy = message as Record<string, unknown>',
    tests: 'producer',
  },
  {
    name: 'binary keys become mojibake (C36)',
    file: 'src/facts.ts',
    find: 'types.isUint8Array(key) && key.length <= maxKeyLength && isUtf8(key)',
    replace: 'types.isUint8Array(key)',
    also: [['|| control.test(text) ? undefined : text', '? undefined : text']],
    tests: 'consumer',
  },
  {
    name: 'the offset is text (C18)',
    file: 'src/facts.ts',
    find: 'return Number.isSafeInteger(value) && value >= 0 ? value : undefined',
    replace: 'return String(value) as never',
    tests: 'producer',
  },
  {
    name: 'a process span starts when a message is only buffered (C40)',
    file: 'src/adapters/platformatic.ts',
    find: 'if (raw?.headers && result) registry.wireHeaders.set(result, raw.headers)',
    replace:
      'if (raw?.headers && result) { registry.wireHeaders.set(result, raw.headers); const m = result as any; beginProcess({ settings: defaultSettings, given: {}, facts: {}, on: true, undo: [] }, m, { topic: m.topic, partition: m.partition }, false, ROOT_CONTEXT)?.succeed() }',
    prepend:
      "import { ROOT_CONTEXT } from '@opentelemetry/api'\nimport { defaultSettings } from '../options.ts'\nimport { beginProcess } from '../process.ts'\n",
    tests: 'platformatic',
  },
  {
    name: 'success sets the status OK (C01)',
    file: 'src/send.ts',
    find: '      this.record(errorType)',
    replace:
      '      if (errorType === undefined) this.span.setStatus({ code: SpanStatusCode.OK })\n      this.record(errorType)',
    tests: 'producer',
  },
  {
    name: 'only recorded spans are injected (C15)',
    file: 'src/send.ts',
    find: 'const outgoing = injects',
    replace: 'const outgoing = injects && span.isRecording()',
    tests: 'producer',
  },
  {
    name: '"no SDK" is decided when the client is wrapped (late registration)',
    file: 'src/adapters/kafkajs.ts',
    find: 'export function wrapSend(original: AnyFunction, state: ClientState): AnyFunction {\n',
    replace:
      'export function wrapSend(original: AnyFunction, state: ClientState): AnyFunction {\n  if (isQuiet(context.active())) return original\n',
    tests: 'activation',
    by: 'an SDK that registers after the client was instrumented',
  },
  // More ways to be wrong that once were somebody's bug.
  {
    name: 'the first of duplicated headers counts',
    file: 'src/headers.ts',
    find: 'for (let i = values.length - 1; i >= from; i--) {',
    replace: 'for (let i = from; i < values.length; i++) {',
    tests: 'consumer',
  },
  {
    name: 'a forwarded context stays beside the new one',
    file: 'src/headers.ts',
    find: 'return this.names.has(lower) || (this.b3',
    replace: 'return this.names.has(name) || (this.b3',
    tests: 'producer',
  },
  {
    name: 'the handler runs outside of its span',
    file: 'src/process.ts',
    find: 'result = context.with(processing.context, run, self as never, ...args)',
    replace: 'result = run.apply(self, [...args])',
    tests: 'consumer',
  },
  {
    name: 'a handler that throws at once leaves its span open',
    file: 'src/process.ts',
    find: '  } catch (error) {\n    processing.fail(error)\n    throw error\n  }',
    replace: '  } catch (error) {\n    throw error\n  }',
    tests: 'consumer',
  },
  {
    name: 'the span around run() leaks into every message',
    file: 'src/adapters/kafkajs.ts',
    find: 'propagation.deleteBaggage(trace.deleteSpan(context.active()))',
    replace: 'context.active()',
    tests: 'consumer',
  },
  {
    name: 'errors are wrapped',
    file: 'src/adapters/kafkajs.ts',
    find: '        send.fail(error)\n        throw error\n      },',
    replace: '        send.fail(error)\n        throw new Error("send failed", { cause: error })\n      },',
    tests: 'producer',
  },
  {
    name: 'baggage is not cleaned',
    file: 'src/headers.ts',
    find: "if (name === 'baggage') return cleanBaggage(text)",
    replace: "if (name === 'baggage') return text",
    tests: 'consumer',
  },
  {
    name: 'instrumenting twice wraps twice',
    file: 'src/client.ts',
    find: 'if (isNew || made) row.instrument(client, state)',
    replace: 'row.instrument(client, state)',
    tests: 'activation',
  },
  {
    name: 'the library is traced again from the inside',
    file: 'src/hooks.ts',
    find: 'if (registry.inside > 0) return client',
    replace: '',
    tests: 'producer|consumer',
  },
  {
    name: 'messages of a batch are counted again one by one',
    file: 'src/batch.ts',
    find: 'const processing = beginProcess(state, message, batch, false, context.active(), batchSpan)',
    replace: 'const processing = beginProcess(state, message, batch, true, context.active(), batchSpan)',
    tests: 'activation',
  },
  {
    name: 'links are not bounded',
    file: 'src/links.ts',
    find: 'if (links.length >= max) break',
    replace: '',
    tests: 'batch',
  },
  {
    name: 'a record without a value is one whose value got lost (C60)',
    file: 'src/adapters/platformatic.ts',
    find: 'if (raw?.value === null && result) registry.tombstones.add(result)',
    replace: '',
    tests: 'platformatic',
  },
  {
    name: 'kafkajs names a server once it has metadata only',
    file: 'src/hooks.ts',
    find: 'patch: rememberServers }',
    replace: 'patch: (exports: any) => exports }',
    also: [['import { readCluster, rememberServers }', 'import { readCluster }']],
    tests: 'producer',
    by: 'the only broker there is, is named',
  },
  {
    name: 'an imported wrapper does not see the cluster',
    file: 'src/client.ts',
    find: 'const withCluster = watchClusters(kafka, state)',
    replace: 'const withCluster: ReturnType<typeof watchClusters> = make => (make(), {})',
    tests: 'producer',
    by: 'KJ by import: a producer C01 the only broker there is, is named',
  },
  {
    name: 'a throwing hook reaches the caller',
    file: 'src/send.ts',
    find: "    guard('producerHook', () => hook(creations?.[i] ?? span, { topic, message }))",
    replace: '    hook(creations?.[i] ?? span, { topic, message })',
    tests: 'activation',
  },
  {
    name: 'a query builder runs outside of the span of its message',
    file: 'src/process.ts',
    find: 'context.with(processing.context, () => then.call(result as PromiseLike<unknown>, resolve, reject))',
    replace: 'then.call(result as PromiseLike<unknown>, resolve, reject)',
    tests: 'guest',
    by: 'a query builder does its work once',
  },
  {
    name: 'an ignored topic has a lag',
    file: 'src/adapters/kafkajs.ts',
    find: '  if (!state.on || isIgnored(state.settings, topic)) return\n  const attributes',
    replace: '  const attributes',
    tests: 'lag',
    by: 'an ignored topic has no lag either',
  },
  {
    name: 'a record that cannot be read throws into the caller',
    file: 'src/adapters/kafkajs.ts',
    find: "    swallow('read a record', error)\n    return undefined",
    replace: '    throw error',
    tests: 'guest',
    by: 'the rejection is the one of the client, for kafkajs',
  },
  {
    name: 'options are believed unread',
    file: 'src/options.ts',
    find: 'if (isPossible(value)) settings[key] = value',
    replace: 'if (value !== null) settings[key] = value',
    tests: 'guest',
    by: 'what is no possible value is said once',
  },
]

const wanted = process.argv[2] ?? ''
const jest = createRequire(join(root, 'package.json')).resolve('jest/bin/jest')
let survivors = 0

for (const mutation of mutations.filter(({ name }) => name.includes(wanted))) {
  const { killed, by } = runMutation(mutation)
  if (!killed) survivors++
  console.log(
    `${killed ? 'killed  ' : 'SURVIVED'}  ${mutation.name}${killed ? `\n            by: ${by}` : ''}`,
  )
}
console.log(survivors === 0 ? '\nevery mutation was noticed' : `\n${survivors} mutations went unnoticed`)
process.exit(survivors === 0 ? 0 : 1)

function runMutation({ name, file, find, replace, also = [], prepend = '', tests, by }) {
  const copy = mkdtempSync(join(tmpdir(), 'kafka-mutant-'))
  try {
    for (const part of ['src', 'test', 'package.json'])
      cpSync(join(here, part), join(copy, part), { recursive: true })
    symlinkSync(join(here, 'node_modules'), join(copy, 'node_modules'))
    let source = readFileSync(join(copy, file), 'utf8')
    for (const [from, to] of [[find, replace], ...also]) {
      if (source.split(from).length !== 2)
        throw new Error(`${name}: "${from}" is not in ${file} exactly once`)
      source = source.replace(from, () => to)
    }
    writeFileSync(join(copy, file), prepend + source)
    writeFileSync(join(copy, 'jest.config.mjs'), jestConfig(copy))
    const report = join(copy, 'report.json')
    const args = [
      '--config',
      join(copy, 'jest.config.mjs'),
      '--json',
      `--outputFile=${report}`,
      '--testPathPatterns',
      tests,
    ]
    // The development runtime, whatever node started this script: @platformatic/kafka wants a recent one.
    const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}` }
    spawnSync('node', [jest, ...args], { cwd: copy, env, stdio: 'ignore', timeout: 180_000 })
    const result = JSON.parse(readFileSync(report, 'utf8'))
    const failed = result.testResults
      .flatMap(suite => suite.assertionResults)
      .filter(test => test.status === 'failed')
    // A suite that does not even load says nothing about its tests.
    if (failed.length === 0 && result.numRuntimeErrorTestSuites > 0)
      throw new Error(`${name}: the mutant does not load`)
    if (result.numPassedTests + failed.length === 0) throw new Error(`${name}: no test of "${tests}" ran`)
    if (result.numPassedTests === 0)
      throw new Error(`${name}: every test of "${tests}" fails, also without it?`)
    const named = by ?? /\((C\d\d)\)/.exec(name)?.[1] ?? ''
    const noticed = failed.filter(({ fullName }) => fullName.includes(named))
    return {
      killed: noticed.length > 0,
      by: noticed[0] && `${failed.length} tests, one of them "${noticed[0].fullName}"`,
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function jestConfig(copy) {
  const base = pathToFileURL(join(root, 'jest.config.mjs')).href
  return `
    import config from ${JSON.stringify(base)}
    import { createRequire } from 'node:module'
    const { displayName, ...unit } = config.projects[0]
    const swc = createRequire(${JSON.stringify(join(root, 'package.json'))}).resolve('@swc/jest')
    const transform = Object.fromEntries(Object.entries(unit.transform).map(([key, [, options]]) => [key, [swc, options]]))
    export default { ...unit, transform, rootDir: ${JSON.stringify(copy)}, testMatch: ['<rootDir>/test/conformance/**/*.test.ts'], testTimeout: 20000 }
  `
}
