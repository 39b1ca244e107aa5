import { get, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** What Prometheus sends: OpenMetrics first. */
export const prometheusAccept =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'

export interface Page {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

export function scrape(
  server: Server,
  options: { path?: string; accept?: string; headers?: Record<string, string> } = {},
): Promise<Page> {
  const { port } = server.address() as AddressInfo
  const headers = { ...options.headers, ...(options.accept === undefined ? {} : { accept: options.accept }) }
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: options.path ?? '/metrics', headers }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const body = Buffer.concat(chunks)
        const text = response.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
        resolve({ status: response.statusCode!, headers: response.headers, text: text.toString('utf8') })
      })
    }).on('error', reject)
  })
}

export async function listen(server: Server): Promise<Server> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

export async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>(resolve => void server.close(() => resolve()))
}
