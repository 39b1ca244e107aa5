// Turns a class of an upstream package into the shape the loader applies: a list of module patches.
import { isAbsolute } from 'node:path'
import { guard } from '../self/guard.ts'
import type { CatalogRow } from './catalog.ts'
import {
  type InstrumentationBase,
  type InstrumentationNodeModuleDefinition,
  type Providers,
  setProviders,
} from './instrumentation-base.ts'
import type { LibraryHooks, ModuleInfo, ModulePatch } from './library.ts'

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

type Undo = () => void
type Patchable = Pick<InstrumentationNodeModuleDefinition, 'patch' | 'unpatch'>

/** The patch, noting how to take it back. */
function undoable({ patch, unpatch }: Patchable, undo: Undo[]): ModulePatch['patch'] {
  return (exports, info: ModuleInfo) => {
    const patched = patch!(exports, info.version)
    if (unpatch) undo.push(() => unpatch(patched ?? exports, info.version))
    return patched
  }
}

function patchesOf(
  definition: InstrumentationNodeModuleDefinition,
  row: CatalogRow,
  undo: Undo[],
): ModulePatch[] {
  const { name } = definition
  const patches: ModulePatch[] = []
  if (typeof definition.patch === 'function') {
    const versions = row.widen?.[name] ?? definition.supportedVersions
    patches.push({ name, versions, patch: undoable(definition, undo) })
  }
  for (const file of definition.files) {
    const inside = file.name.replaceAll('\\', '/').slice(name.length + 1)
    const twins = row.mjsTwins ? [inside, inside.replace(/\.js$/, '.mjs')] : [inside]
    const versions = row.widen?.[name] ?? file.supportedVersions
    for (const twin of twins) patches.push({ name, file: twin, versions, patch: undoable(file, undo) })
  }
  return patches
}

/** Constructs the instrumentation and reads what it wants patched. `providers` serve every one from now on. */
export function openUpstream(
  Instrumentation: InstrumentationClass,
  options: Readonly<Record<string, unknown>>,
  row: CatalogRow,
  providers: Providers,
): UpstreamHooks {
  setProviders(providers)
  const instrumentation = new Instrumentation(options)
  // The redis one is a container: its own list is empty and it collects those of its parts.
  const definitions =
    instrumentation._modules.length > 0 ? instrumentation._modules : instrumentation.getModuleDefinitions()
  const modules: ModulePatch[] = []
  const undo: Undo[] = []
  const files: FilePatch[] = []
  for (const definition of definitions) {
    if (isAbsolute(definition.name)) {
      for (const file of definition.files)
        files.push({ path: definition.name, patch: exports => file.patch(exports, undefined) })
    } else modules.push(...patchesOf(definition, row, undo))
  }
  function stop(): void {
    instrumentation.disable()
    for (const one of undo.splice(0).reverse()) guard(`detaching ${row.key}`, one)
  }
  return { instrumentation, modules, files, stop }
}
