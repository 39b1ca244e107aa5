// One POST, for the senders that speak HTTP/1.1: own keep-alive agent, sockets that never hold the process, redirects
// not followed, answers bounded. Uses the ClientRequest class itself: `http.request` may be patched by anybody.
import { Agent, ClientRequest, type ClientRequestArgs, type IncomingMessage } from 'node:http'
import type { AgentOptions as HttpsAgentOptions } from 'node:https'
import type { OtlpTarget } from '../config/config.ts'
import { swallow } from '../self/guard.ts'
import { readTlsFiles } from './tls-files.ts'
import { untraced } from './untraced.ts'

const connectTimeoutMs = 3000
const maxAnswerBytes = 4 << 20

export type Answer =
  | { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: Buffer }
  | { readonly error: string; readonly says: string }

export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly timeoutMs: number
  readonly tls: OtlpTarget['tls']
}

/** A keep-alive connection pool for one place. */
export class HttpClient {
  private readonly agents = new Map<string, Promise<Agent>>()

  /** Ends within `timeoutMs`, never rejects. */
  async post(post: Post): Promise<Answer> {
    try {
      const url = new URL(post.url)
      const agent = await this.agentFor(url.protocol, post.tls)
      const first = await this.attempt(post, url, agent)
      // The other side may close an idle connection in the very moment we use it. Nothing of the request was handled,
      // so one fresh attempt costs nobody anything.
      return 'error' in first && first.staleSocket ? await this.attempt(post, url, agent) : first
    } catch (error) {
      // A URL or a header value that cannot be sent.
      return describeError(error)
    }
  }

  close(): void {
    for (const agent of this.agents.values()) {
      agent.then(
        a => a.destroy(),
        () => {},
      )
    }
    this.agents.clear()
  }

  private agentFor(protocol: string, tls: OtlpTarget['tls']): Promise<Agent> {
    const key = `${protocol} ${tls.caFile} ${tls.clientCertFile} ${tls.clientKeyFile}`
    let agent = this.agents.get(key)
    if (agent === undefined) {
      agent = createAgent(protocol, tls)
      this.agents.set(key, agent)
    }
    return agent
  }

  private attempt(
    post: Post,
    url: URL,
    agent: Agent,
  ): Promise<Exclude<Answer, { error: string }> | { error: string; says: string; staleSocket?: boolean }> {
    return new Promise(resolve => {
      const options: ClientRequestArgs & { [untraced]?: boolean } = {
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: url.pathname + url.search,
        method: 'POST',
        agent,
        headers: { ...authorization(url), ...post.headers, 'content-length': post.body.length },
        [untraced]: true,
      }
      let response: IncomingMessage | undefined
      const chunks: Buffer[] = []
      let size = 0
      let connectTimer: NodeJS.Timeout | undefined
      const finish = (error?: unknown) => {
        clearTimeout(timer)
        clearTimeout(connectTimer)
        // Once a status has arrived it counts, whatever happens to the rest of the answer.
        if (response !== undefined) {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: size > maxAnswerBytes || error !== undefined ? Buffer.alloc(0) : Buffer.concat(chunks),
          })
        } else {
          const code = (error as NodeJS.ErrnoException)?.code
          const staleSocket = request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')
          resolve({ ...describeError(error), staleSocket })
        }
      }
      const request = new ClientRequest(options as ClientRequestArgs & string)
      Object.assign(request, { [untraced]: true })
      const timer = setTimeout(() => {
        request.destroy(timeoutError(`no answer within ${post.timeoutMs} ms`))
      }, post.timeoutMs)
      timer.unref()
      request.on('socket', socket => {
        socket.unref()
        if (!socket.connecting) return
        connectTimer = setTimeout(() => {
          request.destroy(timeoutError(`no connection within ${connectTimeoutMs} ms`))
        }, connectTimeoutMs)
        connectTimer.unref()
        socket.once('connect', () => clearTimeout(connectTimer))
      })
      request.on('response', message => {
        response = message
        message.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size <= maxAnswerBytes) chunks.push(chunk)
          else request.destroy(timeoutError('answer too long'))
        })
        message.on('end', () => finish())
        message.on('error', finish)
        message.on('close', () => finish(message.complete ? undefined : new Error('closed')))
      })
      request.on('error', finish)
      request.on('close', () => finish(new Error('closed')))
      // Informational and upgrade answers have no place in OTLP.
      request.on('upgrade', (_, socket) => socket.destroy())
      request.end(post.body)
    })
  }
}

async function createAgent(protocol: string, tls: OtlpTarget['tls']): Promise<Agent> {
  const options = { keepAlive: true, maxSockets: 2, maxFreeSockets: 2 }
  let agent: Agent
  if (protocol === 'https:') {
    const { Agent: HttpsAgent } = await import('node:https')
    agent = new HttpsAgent({ ...options, ...(readTlsFiles(tls) as HttpsAgentOptions) })
  } else {
    agent = new Agent(options)
  }
  // Reaches those who see the request before its own mark is set (`http.client.request.created`).
  return Object.assign(agent, { [untraced]: true })
}

function authorization(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {}
  try {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  } catch (error) {
    swallow('endpoint credentials', error)
    return {}
  }
}

function timeoutError(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' })
}

export function describeError(error: unknown): { error: string; says: string } {
  // Node wraps the attempts on several addresses (IPv6 and IPv4 of localhost) into one error.
  const inner = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error
  const { code, message } = (inner ?? {}) as NodeJS.ErrnoException
  return {
    error: code ?? 'error',
    says: code === undefined || message?.includes(code) ? String(message) : `${code} ${message}`,
  }
}
