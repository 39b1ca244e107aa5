// A watched file that replaces the ratio while the process runs: raise sampling during an incident without a redeploy.
// Polled by path, so that the symlink swap of a mounted ConfigMap is seen; the poll never keeps the process alive.
import { closeSync, constants, openSync, readSync, unwatchFile, watchFile } from 'node:fs'
import { say } from '../../self/log.ts'

const pollMs = 1_000
const maxBytes = 4_096

// A few bytes and no waiting, whatever the path turns out to be: a pipe would block the process otherwise.
function readStart(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const bytes = Buffer.alloc(maxBytes)
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, maxBytes, null))
  } finally {
    closeSync(file)
  }
}

/** `ratio=0.5`, `0.5` or `{"ratio": 0.5}`; undefined for anything that is not a number from 0 to 1. */
export function parseRatioFile(text: string): number | undefined {
  const trimmed = text.trim()
  let value: unknown
  if (trimmed.startsWith('{')) {
    try {
      value = (JSON.parse(trimmed) as { ratio?: unknown }).ratio
    } catch {
      return undefined
    }
  } else {
    const number = /^(?:ratio\s*[=:]\s*)?([0-9.eE+-]+)$/.exec(trimmed)?.[1]
    value = number === undefined ? undefined : Number(number)
  }
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined
}

export class RatioFile {
  private readonly path: string
  private readonly configured: number
  private readonly apply: (ratio: number) => void
  private current: number
  private second: NodeJS.Timeout | undefined
  private readonly check = (): void => this.read()

  /** `configured` is the ratio without the file: it is back when the file goes. */
  constructor(path: string, configured: number, apply: (ratio: number) => void) {
    this.path = path
    this.configured = configured
    this.apply = apply
    this.current = configured
  }

  /** Reads the file now and whenever it changes. */
  start(): void {
    this.read()
    watchFile(this.path, { interval: pollMs, persistent: false }, this.check)
    // The watcher's own first look comes a little later: a change between the two would never be seen as one.
    this.second = setTimeout(this.check, pollMs).unref()
  }

  stop(): void {
    unwatchFile(this.path, this.check)
    clearTimeout(this.second)
  }

  private read(): void {
    let text: string
    try {
      text = readStart(this.path)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code !== 'ENOENT') {
        say('warn', 'ORG_OTEL_RATIO_FILE', `${this.path}: ${code}; keeping the ratio ${this.current}`)
      } else if (this.current !== this.configured) {
        this.change(this.configured, 'the file is gone')
      }
      return
    }
    const ratio = parseRatioFile(text)
    if (ratio === undefined) {
      const shown = JSON.stringify(text.slice(0, 40))
      say(
        'warn',
        'ORG_OTEL_RATIO_FILE',
        `${this.path}: ${shown}: expected ratio=<0 to 1> or {"ratio": <0 to 1>}; keeping the ratio ${this.current}`,
      )
    } else if (ratio !== this.current) {
      this.change(ratio, 'from the file')
    }
  }

  private change(ratio: number, why: string): void {
    const before = this.current
    this.current = ratio
    this.apply(ratio)
    say('info', 'ORG_OTEL_RATIO_CHANGED', `sampling ratio ${before} is now ${ratio}, ${why} (${this.path})`)
  }
}
