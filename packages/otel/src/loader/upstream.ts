// Turns a class of an upstream package into the shape the loader applies: a list of module patches.
import { isAbsolute } from 'node:path'
import type { CatalogRow } from './catalog.ts'
import type { InstrumentationBase, InstrumentationNodeModuleDefinition } from './instrumentation-base.ts'
import type { LibraryHooks, ModulePatch } from './library.ts'

type InstrumentationClass = new (options: Readonly<Record<string, unknown>>) => InstrumentationBase

/** A patch for one exact file outside of any package (the handler of a Lambda function). */
export interface FilePatch {
  readonly path: string
  patch(exports: any): any
}

export interface UpstreamHooks extends LibraryHooks {
  readonly instrumentation: InstrumentationBase
  readonly files: readonly FilePatch[]
}

function patchesOf(definition: InstrumentationNodeModuleDefinition, row: CatalogRow): ModulePatch[] {
  const { name } = definition
  const patches: ModulePatch[] = []
  if (typeof definition.patch === 'function') {
    const patch = definition.patch
    patches.push({
      name,
      versions: row.widen?.[name] ?? definition.supportedVersions,
      patch: (exports, info) => patch(exports, info.version),
    })
  }
  for (const file of definition.files) {
    const inside = file.name.replaceAll('\\', '/').slice(name.length + 1)
    const twins = row.mjsTwins ? [inside, inside.replace(/\.js$/, '.mjs')] : [inside]
    for (const twin of twins) {
      patches.push({
        name,
        file: twin,
        versions: row.widen?.[name] ?? file.supportedVersions,
        patch: (exports, info) => file.patch(exports, info.version),
      })
    }
  }
  return patches
}

/** Constructs the instrumentation and reads what it wants patched. */
export function openUpstream(
  Instrumentation: InstrumentationClass,
  options: Readonly<Record<string, unknown>>,
  row: CatalogRow,
): UpstreamHooks {
  const instrumentation = new Instrumentation(options)
  // The redis one is a container: its own list is empty and it collects those of its parts.
  const definitions =
    instrumentation._modules.length > 0 ? instrumentation._modules : instrumentation.getModuleDefinitions()
  const modules: ModulePatch[] = []
  const files: FilePatch[] = []
  for (const definition of definitions) {
    if (isAbsolute(definition.name)) {
      for (const file of definition.files)
        files.push({ path: definition.name, patch: exports => file.patch(exports, undefined) })
    } else modules.push(...patchesOf(definition, row))
  }
  return { instrumentation, modules, files, stop: () => instrumentation.disable() }
}
