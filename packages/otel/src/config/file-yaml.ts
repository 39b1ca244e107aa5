import { isMap, isScalar, parseDocument, Scalar, visit } from 'yaml'
import { lookUp } from './look-up.ts'
import type { Env } from './read-env.ts'

export type YamlResult =
  | { readonly value: Record<string, unknown>; readonly notes: readonly string[] }
  | { readonly fault: string }

/** YAML 1.2 with the environment substituted into scalars, as the data model has it. */
export function readYaml(text: string, env: Env): YamlResult {
  const notes: string[] = []
  try {
    const document = parseDocument(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text, { version: '1.2' })
    const first = document.errors[0]
    if (first !== undefined) return { fault: `not valid YAML: ${firstLine(first)}` }
    if (!isMap(document.contents)) return { fault: 'the file is empty or not a mapping' }
    visit(document, {
      Scalar(key, node) {
        // Names of keys are not substituted.
        if (key === 'key' || typeof node.value !== 'string') return
        const result = substitute(node.value, env, notes)
        if (result === node.value) return
        // `${X}` takes the type of what it stands for, `"${X}"` stays text.
        node.value = node.type === Scalar.PLAIN ? coerce(result) : result
      },
    })
    return { value: document.toJS({ maxAliasCount: 100 }) as Record<string, unknown>, notes }
  } catch (error) {
    return {
      fault: `not valid YAML: ${error instanceof Error ? firstLine(error) : String(error)}`,
    }
  }
}

const name = /^[A-Za-z_][A-Za-z0-9_]*$/

/** `${NAME}`, `${env:NAME}`, `${NAME:-default}`, `$$` for a dollar sign. Values are not looked into again. */
export function substitute(text: string, env: Env, notes: string[] = []): string {
  if (!text.includes('$')) return text
  return text.replace(/\$\$|\$\{([^}\n]*)\}/g, (whole, inner: string | undefined) => {
    if (inner === undefined) return '$'
    const reference = inner.startsWith('env:') ? inner.slice(4) : inner
    const dash = reference.indexOf(':-')
    const variable = dash < 0 ? reference : reference.slice(0, dash)
    if (!name.test(variable)) {
      notes.push(
        'what stands between dollar-brace and brace is not the name of an environment variable and is used as it is',
      )
      return whole
    }
    return lookUp(env, variable) || (dash < 0 ? '' : reference.slice(dash + 2))
  })
}

// Only scalars may come out of a substitution: text that looks like a list stays text.
function coerce(text: string): unknown {
  if (text === '') return null
  try {
    const node = parseDocument(text, { version: '1.2' }).contents
    if (
      isScalar(node) &&
      (node.value === null || typeof node.value === 'number' || typeof node.value === 'boolean')
    ) {
      return node.value
    }
  } catch {
    // It is text.
  }
  return text
}

/** What and where. What the parser quotes of the file may be a credential; so may the picture of the place it draws. */
function firstLine(error: Error): string {
  const line = error.message.split('\n', 1)[0]!
  const where = / at line \d+, column \d+/.exec(line)?.[0] ?? ''
  return `${line.split(/: | at line /, 1)[0]!.replace(/:$/, '')}${where}`
}
