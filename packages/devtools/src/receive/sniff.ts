// gRPC and HTTP/1 on the same port: an HTTP/2 connection always starts with these bytes, and no HTTP/1 request does.
import type { Socket } from 'node:net'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** Looks at the first bytes, puts them back, and hands the socket over. A client that says nothing is closed. */
export function sniff(socket: Socket, timeoutMs: number, onHttp1: () => void, onHttp2: () => void): void {
  const timer = setTimeout(() => socket.destroy(), timeoutMs)
  timer.unref()
  let seen: Buffer = Buffer.alloc(0)
  const look = () => {
    let chunk: Buffer | null
    while ((chunk = socket.read() as Buffer | null) !== null) seen = Buffer.concat([seen, chunk])
    const length = Math.min(seen.length, preface.length)
    const same = seen.subarray(0, length).equals(preface.subarray(0, length))
    // A few bytes that could still become either.
    if (same && length < preface.length && !socket.readableEnded) return
    clearTimeout(timer)
    socket.removeListener('readable', look)
    socket.removeListener('end', look)
    if (seen.length > 0) socket.unshift(seen)
    if (same && length === preface.length) onHttp2()
    else onHttp1()
  }
  socket.on('close', () => clearTimeout(timer))
  socket.on('readable', look)
}
