// One POST, for the senders that speak HTTP/1.1: own keep-alive agent, sockets that never hold the process, redirects
// not followed, answers bounded. Uses the ClientRequest class itself: `http.request` may be patched by anybody.
import { Agent, ClientRequest, type ClientRequestArgs, type IncomingMessage } from 'node:http'
import type { AgentOptions as HttpsAgentOptions } from 'node:https'
import type { OtlpTarget } from '../config/config.ts'
import { swallow } from '../self/guard.ts'
import { describeFailure } from './failure.ts'
import { type OpenPost, readAnswers } from './late-answers.ts'
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

/** Where requests to one URL go: worked out once, not for every batch. */
interface Place {
  readonly to: Pick<ClientRequestArgs, 'protocol' | 'hostname' | 'port' | 'path'>
  readonly authorization: Readonly<Record<string, string>>
  readonly agent: Agent
}

/** Keep-alive connection pools, one for every protocol and set of certificates. */
export class HttpClient {
  private readonly agents = new Map<string, Promise<Agent>>()
  private readonly places = new Map<string, Promise<Place>>()
  private readonly open = new Set<OpenPost>()

  /** Ends within `timeoutMs`, never rejects. */
  async post(post: Post): Promise<Answer> {
    try {
      const place = await this.placeOf(post)
      const first = await this.attempt(post, place)
      // The other side may close an idle connection in the very moment we use it. Whether it had read the request before
      // that cannot be known, so it goes again, at once.
      return 'error' in first && first.staleSocket ? await this.attempt(post, place) : first
    } catch (error) {
      // A URL or a header value that cannot be sent.
      return describeError(error)
    }
  }

  /** For the `exit` event: the bodies that were accepted, see `readAnswers`. */
  readAnswers(budgetMs: number): Set<Buffer> {
    return readAnswers(this.open, budgetMs)
  }

  close(): void {
    for (const agent of this.agents.values()) {
      agent.then(
        a => a.destroy(),
        () => {},
      )
    }
    this.agents.clear()
    this.places.clear()
  }

  private placeOf({ url, tls }: Post): Promise<Place> {
    const key = `${url} ${keyOf(tls)}`
    let place = this.places.get(key)
    if (place === undefined) {
      place = this.findPlace(url, tls)
      this.places.set(key, place)
      // Unusable now, but certificates may be there when the next batch leaves.
      place.catch(() => this.places.delete(key))
    }
    return place
  }

  private async findPlace(text: string, tls: OtlpTarget['tls']): Promise<Place> {
    const url = new URL(text)
    return {
      to: {
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: url.pathname + url.search,
      },
      authorization: readAuthorization(url),
      agent: await this.agentFor(url.protocol, tls),
    }
  }

  private agentFor(protocol: string, tls: OtlpTarget['tls']): Promise<Agent> {
    const key = `${protocol} ${keyOf(tls)}`
    let agent = this.agents.get(key)
    if (agent === undefined) {
      agent = createAgent(protocol, tls)
      this.agents.set(key, agent)
      agent.catch(() => this.agents.delete(key))
    }
    return agent
  }

  private attempt(
    post: Post,
    { to, authorization, agent }: Place,
  ): Promise<Exclude<Answer, { error: string }> | { error: string; says: string; staleSocket?: boolean }> {
    return new Promise(resolve => {
      const options: ClientRequestArgs & { [untraced]?: boolean } = {
        ...to,
        method: 'POST',
        agent,
        headers: { ...authorization, ...post.headers, 'content-length': post.body.length },
        [untraced]: true,
      }
      let response: IncomingMessage | undefined
      const chunks: Buffer[] = []
      let size = 0
      let connectTimer: NodeJS.Timeout | undefined
      let settled = false
      const finish = (error?: unknown) => {
        if (settled) return
        settled = true
        this.open.delete(opened)
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
      const opened: OpenPost = { request, body: post.body, status: 0 }
      this.open.add(opened)
      const timer = setTimeout(() => {
        // After a process was blocked, or its machine asleep, timers run before sockets are read: an answer that came in
        // time is read first, or what was accepted would be sent again.
        setImmediate(() => request.destroy(timeoutError(`no answer within ${post.timeoutMs} ms`)))
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
        opened.status = message.statusCode ?? 0
        message.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size <= maxAnswerBytes) chunks.push(chunk)
          else request.destroy(timeoutError('answer too long'))
        })
        message.on('end', () => finish())
        message.on('error', finish)
        // An error costs a stack trace: it is made only where it is the answer.
        message.on('close', () => {
          if (!settled) finish(message.complete ? undefined : new Error('closed'))
        })
      })
      request.on('error', finish)
      request.on('close', () => {
        if (!settled) finish(new Error('closed'))
      })
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

function keyOf(tls: OtlpTarget['tls']): string {
  return `${tls.caFile} ${tls.clientCertFile} ${tls.clientKeyFile}`
}

function readAuthorization(url: URL): Record<string, string> {
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

function describeError(error: unknown): { error: string; says: string } {
  const { code, says = String(error) } = describeFailure(error)
  return {
    error: code ?? 'error',
    says: code === undefined || says.includes(code) ? says : `${code} ${says}`,
  }
}
