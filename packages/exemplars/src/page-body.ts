// The body of one response: every `# EOF` but the last is taken out, wherever the application put it.
import { endOfPage } from './open-metrics.ts'

export class PageBody {
  /** How many pages were rendered for this response. */
  renders = 0
  /** Known once the response begins: a success with a textual (or no) type that we rendered for. */
  isPage = false
  private isDecided = false
  private heldEnd = false
  /** An end of a page passed in clear text. */
  private sawEnd = false

  /** Several pages were compressed before we saw them: each has an end of its own, which no scraper reads past. */
  get isUnreadable(): boolean {
    return this.isPage && this.renders > 1 && !this.sawEnd
  }

  /** JSON around our text, or an error page, is the application's business. */
  decide(status: number, type: unknown): boolean {
    if (!this.isDecided && this.renders > 0) {
      this.isDecided = true
      const isText = type === undefined || /^(?:text\/|application\/openmetrics-text)/i.test(String(type))
      this.isPage = status >= 200 && status < 300 && isText
    }
    return this.isPage
  }

  /** A chunk that is not the last: its end is held back. */
  pass(chunk: unknown): unknown {
    const text = this.isPage ? readPage(chunk) : undefined
    if (text === undefined) return chunk
    this.sawEnd = true
    this.heldEnd = true
    return withoutEnds(text)
  }

  /** The last chunk as it has to be; the chunk itself when nothing has to change. */
  finish(chunk: unknown): unknown {
    if (!this.isPage) return chunk
    const text = readPage(chunk)
    const held = this.heldEnd
    this.heldEnd = false
    if (text === undefined) return held ? joinEnd(chunk) : chunk
    this.sawEnd = true
    const isWhole = text.indexOf(endOfPage) === text.length - endOfPage.length
    return isWhole ? chunk : withoutEnds(text) + endOfPage
  }
}

/** The text of a chunk that contains an end; undefined for anything else (compressed bytes, other text). */
function readPage(chunk: unknown): string | undefined {
  if (typeof chunk === 'string') return chunk.includes(endOfPage) ? chunk : undefined
  if (!ArrayBuffer.isView(chunk)) return undefined
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return bytes.includes(endOfPage) ? bytes.toString('utf8') : undefined
}

function withoutEnds(text: string): string {
  const rest = text.replace(/^# EOF\n/gm, '').replace(/\n{2,}/g, '\n')
  return rest === '' || rest.endsWith('\n') ? rest : `${rest}\n`
}

function joinEnd(chunk: unknown): unknown {
  if (chunk === undefined) return endOfPage
  const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('utf8')
  return `${text.replace(/\n*$/, '\n')}${endOfPage}`
}
