// Everything in a folder that is a configuration, checked; with kubectl also what kustomize makes of it.
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { checkCollector, checkCollectorImage, isCollectorConfig } from './collector.ts'
import { oldestCollector } from './collector-names.ts'
import { checkCompose, isCompose } from './compose.ts'
import { type Finding, reporter } from './finding.ts'
import { checkManifest, isManifest } from './kubernetes.ts'

export interface FolderReport {
  readonly findings: readonly Finding[]
  /** How many files of which kind were looked at. */
  readonly checked: { collector: number; manifest: number; compose: number; overlay: number }
}

export async function checkFolder(home: string): Promise<FolderReport> {
  const findings: Finding[] = []
  const checked = { collector: 0, manifest: 0, compose: 0, overlay: 0 }
  const files = globSync('**/*.{yaml,yml}', {
    cwd: home,
    exclude: path => /(^|\/)(node_modules|dist)(\/|$)/.test(String(path)),
  }).sort()
  const resources = new Set<string>()
  const overlays: string[] = []
  const texts = new Map(files.map(file => [file, readFileSync(join(home, file), 'utf8')]))

  for (const [file, text] of texts) {
    if (basename(file) !== 'kustomization.yaml') continue
    const kustomization = parse(text)
    if (kustomization.kind !== 'Component') overlays.push(dirname(file))
    for (const resource of kustomization.resources ?? [])
      resources.add(normalize(join(dirname(file), resource)))
    for (const { name, newTag } of kustomization.images ?? []) {
      const report = reporter(file, findings)
      checkCollectorImage(
        `${name}:${newTag}`,
        (problem, fix) => report('error', 'images', problem, fix),
        oldestCollector,
      )
    }
  }
  for (const [file, text] of texts) {
    const documents = parseAllDocuments(text, { merge: true })
    const broken = documents.flatMap(document => document.errors)
    if (broken.length > 0) {
      reporter(file, findings)('error', 'YAML', broken[0]!.message, 'The file cannot be read.')
      continue
    }
    for (const value of documents.map(document => document.toJS())) {
      if (isCollectorConfig(value)) {
        checked.collector++
        findings.push(...checkCollector(file, text))
      } else if (isManifest(value)) {
        checked.manifest++
        // Files that no kustomization names are complete as well, but for patches.
        const patch = !resources.has(file) && /\/service\//.test(`/${file}`)
        findings.push(...(await checkManifest(file, value, patch ? 'patch' : 'file')))
      } else if (isCompose(value)) {
        checked.compose++
        findings.push(...checkCompose(home, file, text))
      }
    }
  }
  for (const overlay of overlays) {
    const built = buildOverlay(join(home, overlay))
    if (built === undefined) break
    checked.overlay++
    findings.push(...(await checkOverlay(overlay, built)))
  }
  return { findings: unique(findings), checked }
}

/** What kustomize makes of a folder; undefined without kubectl, which is not needed for the rest. */
function buildOverlay(folder: string): { text: string; error: string } | undefined {
  const done = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8', maxBuffer: 64 << 20 })
  if (done.error !== undefined) return undefined
  return { text: done.stdout, error: done.status === 0 ? '' : done.stderr.trim() }
}

async function checkOverlay(
  overlay: string,
  { text, error }: { text: string; error: string },
): Promise<Finding[]> {
  const file = `${overlay}/`
  if (error !== '') {
    const findings: Finding[] = []
    reporter(file, findings)('error', 'kustomize', error, 'The overlay cannot be built.')
    return findings
  }
  const manifests = parseAllDocuments(text).map(document => document.toJS())
  const findings: Finding[] = []
  for (const manifest of manifests) findings.push(...(await checkManifest(file, manifest, 'cluster')))
  checkServiceNames(manifests, reporter(file, findings))
  return findings
}

/** Addresses inside the cluster that should be served by the same manifests: `otel-gateway-headless.observability...`. */
function checkServiceNames(manifests: readonly any[], report: ReturnType<typeof reporter>): void {
  const services = new Set(
    manifests
      .filter(each => each.kind === 'Service')
      .map(each => `${each.metadata.name}.${each.metadata.namespace}`),
  )
  const namespaces = new Set([...services].map(service => service.split('.')[1]))
  for (const manifest of manifests) {
    for (const container of manifest.spec?.template?.spec?.containers ?? []) {
      for (const { name, value } of container.env ?? []) {
        const found = /\b(otel-[a-z0-9-]+)\.([a-z0-9-]+)\.svc\b/.exec(String(value ?? ''))
        if (found === null || !namespaces.has(found[2]!) || services.has(`${found[1]}.${found[2]}`)) continue
        report(
          'error',
          `${manifest.kind} ${manifest.metadata.name}, ${name}`,
          `there is no service ${found[1]} in ${found[2]}`,
          `There are: ${[...services].join(', ')}.`,
        )
      }
    }
  }
}

/** A file and the overlays made of it say the same thing. */
function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>()
  return findings.filter(({ where, problem }) => {
    const key = `${where}\0${problem}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
