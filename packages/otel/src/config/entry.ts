import type { Problem } from '../self/problem.ts'
import type { SettingKey } from './settings.ts'

/** One setting as a configuration file or code gives it: text for the row's parser, or a value that needs none. */
export type Entry = {
  /** Which row: by key, or by the name of its environment variable. */
  readonly key?: SettingKey
  readonly name?: string
  /** Where it stands: `/tracer_provider/sampler`, `sampler`. */
  readonly at: string
} & ({ readonly text: string } | { readonly value: unknown })

/** What a configuration file said. */
export interface FileConfig {
  readonly entries: readonly Entry[]
  readonly problems: readonly Problem[]
  /** Things the environment has no setting for. */
  readonly extras: FileExtras
}

export interface FileExtras {
  readonly schemaUrl?: string
  readonly views?: readonly import('./config.ts').MetricView[]
  readonly prometheusInfo?: { readonly scope: boolean; readonly target: boolean }
  /** Options per instrumentation, of `instrumentation/development: js:`. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Parses the text of OTEL_CONFIG_FILE; `undefined` with problems when the file cannot be used at all. */
export type ParseConfigFile = (
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  path: string,
) => { readonly file?: FileConfig; readonly problems: readonly Problem[] }
