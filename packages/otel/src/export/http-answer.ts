// One answer of HTTP/1.1 (RFC 9112), read from the bytes of a connection however they are cut. Node's parser would do, but
// it brings ClientRequest and IncomingMessage with it, and those make the application's own server slower
// (docs/decisions/0005-export-speaks-http-itself.md).

const maxHeadBytes = 64 << 10
const maxBodyBytes = 4 << 20
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/
const none: Buffer = Buffer.alloc(0)

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-end' | 'done'

export class AnswerReader {
  /** Of the final answer; 0 until its head is there. Informational ones (1xx) are passed over. */
  status = 0
  /** By lower-case name; of a repeated header the first. */
  headers: Record<string, string> = {}
  /** Whether the connection may carry another request after this answer. */
  keepsAlive = false
  /** Bytes of any answer have come. */
  hasBegun = false
  private state: State = 'head'
  private rest = none
  private left = 0
  private size = 0
  private readonly chunks: Buffer[] = []

  get isDone(): boolean {
    return this.state === 'done'
  }

  get isTooLong(): boolean {
    return this.size > maxBodyBytes
  }

  /** Empty when it was not read to its end, or was too long. */
  get body(): Buffer {
    return this.isDone && !this.isTooLong ? Buffer.concat(this.chunks) : none
  }

  /** Takes the next bytes. Throws an error with the code `ERR_NOT_HTTP` when they are no answer. */
  push(bytes: Buffer): void {
    this.hasBegun = true
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes])
    while (this.rest.length > 0 && this.state !== 'done' && this.step());
    // More than was asked for: what comes next on this connection belongs to nobody.
    if (this.state === 'done' && this.rest.length > 0) this.keepsAlive = false
  }

  /** The other side sends no more: the end of an answer without a length. */
  end(): void {
    if (this.state === 'until-end') this.state = 'done'
  }

  /** False when it takes more bytes to go on. */
  private step(): boolean {
    switch (this.state) {
      case 'head':
        return this.readHead()
      case 'length':
        if (this.take()) this.state = 'done'
        return true
      case 'chunk':
        if (this.take()) this.state = 'chunk-end'
        return true
      case 'until-end':
        this.left = this.rest.length
        this.take()
        return true
      case 'chunk-end':
        return this.readLine(line => {
          if (line !== '') throw notHttp()
          this.state = 'chunk-size'
        })
      case 'chunk-size':
        return this.readLine(line => {
          const digits = /^[0-9a-f]{1,8}(?=\s*(?:;|$))/i.exec(line)?.[0]
          if (digits === undefined) throw notHttp()
          this.left = Number.parseInt(digits, 16)
          this.state = this.left === 0 ? 'trailer' : 'chunk'
        })
      case 'trailer':
        return this.readLine(line => {
          if (line === '') this.state = 'done'
        })
      case 'done':
        return false
    }
  }

  private readHead(): boolean {
    const start = this.rest.toString('latin1', 0, 5)
    // Said at once: a server that speaks something else may never send a line.
    if (!'HTTP/'.startsWith(start)) throw notHttp()
    const end = this.rest.indexOf('\r\n\r\n')
    if (end === -1) {
      if (this.rest.length > maxHeadBytes) throw notHttp()
      return false
    }
    const [first = '', ...lines] = this.rest.toString('latin1', 0, end).split('\r\n')
    this.rest = this.rest.subarray(end + 4)
    const [, minor, digits] = statusLine.exec(first) ?? []
    if (digits === undefined) throw notHttp()
    const status = Number(digits)
    // 101 has no place here: whatever follows it is not HTTP.
    if (status === 101) throw notHttp()
    if (status < 200) return true
    this.status = status
    this.headers = readHeaders(lines)
    this.findBody(minor === '1')
    return true
  }

  // RFC 9112 section 6.3.
  private findBody(isKept: boolean): void {
    const { connection, 'transfer-encoding': coding, 'content-length': length } = this.headers
    const options = (connection ?? '').toLowerCase().split(/\s*,\s*/)
    this.keepsAlive = options.includes('close') ? false : isKept || options.includes('keep-alive')
    if (this.status === 204 || this.status === 304) {
      this.state = 'done'
    } else if (coding !== undefined) {
      this.state = /(?:^|,)\s*chunked\s*$/i.test(coding) ? 'chunk-size' : 'until-end'
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw notHttp()
      this.left = Number(length)
      this.state = this.left === 0 ? 'done' : 'length'
    } else {
      this.state = 'until-end'
    }
    if (this.state === 'until-end') this.keepsAlive = false
  }

  /** Takes what belongs to the body; true when all of it is there. */
  private take(): boolean {
    const part = this.rest.subarray(0, this.left)
    this.rest = this.rest.subarray(part.length)
    this.left -= part.length
    this.size += part.length
    if (this.isTooLong) this.chunks.length = 0
    else this.chunks.push(part)
    return this.left === 0
  }

  private readLine(use: (line: string) => void): boolean {
    const end = this.rest.indexOf('\r\n')
    if (end === -1) {
      if (this.rest.length > maxHeadBytes) throw notHttp()
      return false
    }
    const line = this.rest.toString('latin1', 0, end)
    this.rest = this.rest.subarray(end + 2)
    use(line)
    return true
  }
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const name = line.slice(0, colon).toLowerCase()
    headers[name] ??= line.slice(colon + 1).trim()
  }
  return headers
}

function notHttp(): Error {
  return Object.assign(new Error('the answer is not HTTP/1.1'), { code: 'ERR_NOT_HTTP' })
}
