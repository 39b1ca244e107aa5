// The promise: a service under the preload forwards W3C trace context, level 2, as the specification's own test suite
// demands of it: request in, http or fetch out, and nothing in the application but the two calls.
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { type App, runApp } from '@org/otel-devtools/testing'

const T = '12345678901234567890123456789012'
const S = '1234567890123456'
const good = `00-${T}-${S}-01`

interface Case {
  readonly what: string
  /** Header lines as they go on the wire. */
  readonly send: readonly string[]
  /** The trace goes on, or a new one begins. */
  readonly trace: 'same' | 'new'
  /** The `tracestate` that is sent on; undefined: none. */
  readonly state?: string
  /** The last two digits. Default: 01. */
  readonly flags?: string
}

const parents = (what: string, trace: Case['trace'], ...values: string[]): Case[] =>
  values.map(value => ({ what: `${what} (${value.slice(0, 24)}…)`, send: [`traceparent: ${value}`], trace }))
const states = (what: string, state: string | undefined, ...lines: string[]): Case => ({
  what,
  send: [`traceparent: ${good}`, ...lines.map(line => `tracestate: ${line}`)],
  trace: 'same',
  ...(state !== undefined && { state }),
})
const many = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=1`).join(',')

const cases: readonly Case[] = [
  { what: 'no headers', send: [], trace: 'new' },
  ...parents('a valid traceparent', 'same', good),
  { what: 'a name in mixed case', send: [`TraceParent: ${good}`], trace: 'same' },
  {
    what: 'two traceparents',
    send: [`traceparent: ${good}`, `traceparent: 00-${T.replace('1', '2')}-${S}-01`],
    trace: 'new',
  },
  { what: 'blanks around', send: [`traceparent:  \t ${good} \t `], trace: 'same' },
  // Versions
  { what: 'a later version', send: [`traceparent: cc-${T}-${S}-01`], trace: 'same', flags: '01' },
  {
    what: 'a later version with more fields',
    send: [`traceparent: cc-${T}-${S}-01-what-the-future`],
    trace: 'same',
    flags: '01',
  },
  ...parents('a later version with more and no dash', 'new', `cc-${T}-${S}-01.what-the-future`),
  ...parents('version 0 with more fields', 'new', `00-${T}-${S}-01-more`, `00-${T}-${S}-01.`),
  ...parents('version ff', 'new', `ff-${T}-${S}-01`),
  ...parents(
    'a version that is none',
    'new',
    `.0-${T}-${S}-01`,
    `0.-${T}-${S}-01`,
    `000-${T}-${S}-01`,
    `0-${T}-${S}-01`,
  ),
  // Trace id
  ...parents('a trace id of zeros', 'new', `00-${'0'.repeat(32)}-${S}-01`),
  ...parents(
    'a trace id that is none',
    'new',
    `00-.${T.slice(1)}-${S}-01`,
    `00-${T.slice(1)}.-${S}-01`,
    `00-${T}1-${S}-01`,
    `00-${T.slice(1)}-${S}-01`,
  ),
  ...parents('a trace id in upper case', 'new', `00-${'ABCDEF78'.repeat(4)}-${S}-01`),
  // Parent id
  ...parents('a parent id of zeros', 'new', `00-${T}-${'0'.repeat(16)}-01`),
  ...parents(
    'a parent id that is none',
    'new',
    `00-${T}-.${S.slice(1)}-01`,
    `00-${T}-${S.slice(1)}.-01`,
    `00-${T}-${S}1-01`,
    `00-${T}-${S.slice(1)}-01`,
  ),
  // Flags
  ...parents(
    'flags that are none',
    'new',
    `00-${T}-${S}-.0`,
    `00-${T}-${S}-0.`,
    `00-${T}-${S}-001`,
    `00-${T}-${S}-1`,
  ),
  { what: 'not sampled', send: [`traceparent: 00-${T}-${S}-00`], trace: 'same', flags: '00' },
  { what: 'random and sampled', send: [`traceparent: 00-${T}-${S}-03`], trace: 'same', flags: '03' },
  { what: 'random, not sampled', send: [`traceparent: 00-${T}-${S}-02`], trace: 'same', flags: '02' },
  {
    what: 'flags nobody knows are not passed on',
    send: [`traceparent: 00-${T}-${S}-ff`],
    trace: 'same',
    flags: '03',
  },
  // tracestate
  { what: 'a tracestate without a traceparent', send: ['tracestate: foo=1'], trace: 'new' },
  {
    what: 'a tracestate beside a bad traceparent',
    send: [`traceparent: 00-${T}-${S}-1`, 'tracestate: foo=1'],
    trace: 'new',
  },
  states('a tracestate', 'foo=1', 'foo=1'),
  {
    what: 'its name in mixed case',
    send: [`traceparent: ${good}`, 'TraceState: foo=1'],
    trace: 'same',
    state: 'foo=1',
  },
  states('an empty second one', 'foo=1', 'foo=1', ''),
  states('an empty first one', 'foo=1', '', 'foo=1'),
  states('several lines', 'foo=1,bar=2,rojo=1,congo=2,baz=3', 'foo=1,bar=2', 'rojo=1,congo=2', 'baz=3'),
  states('empty members', 'foo=1,bar=2', 'foo=1,,bar=2,'),
  states('blanks between members', 'foo=1,bar=2,baz=3', 'foo=1 \t , \t bar=2, \t baz=3'),
  states('blanks around all', 'foo=1', '\t foo=1 \t '),
  states('a key twice', 'foo=1', 'foo=1,foo=2'),
  states(
    'every legal character of keys',
    'abcdefghijklmnopqrstuvwxyz0123456789_-*/=1',
    'abcdefghijklmnopqrstuvwxyz0123456789_-*/=1',
  ),
  states('a key with a tenant', '0t@vendor=1', '0t@vendor=1'),
  states(
    'every legal character of values',
    'a= !"#$%&\'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~',
    'a= !"#$%&\'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~',
  ),
  states('a key with a blank', undefined, 'foo =1'),
  states('a key in upper case', undefined, 'FOO=1'),
  states('a key with a dot', undefined, 'foo.bar=1'),
  states('a key that begins with @', undefined, '@foo=1,bar=2'),
  states('an empty key', undefined, '=1'),
  states('a value with =', undefined, 'foo=bar=baz'),
  states('an empty value', undefined, 'foo=,bar=3'),
  states('no value', undefined, 'foo'),
  states('a key of 256', `${'z'.repeat(256)}=1`, `${'z'.repeat(256)}=1`),
  states('a key of 257', undefined, `${'z'.repeat(257)}=1`),
  states('a value of 256', `a=${'z'.repeat(256)}`, `a=${'z'.repeat(256)}`),
  states('a value of 257', undefined, `a=${'z'.repeat(257)}`),
  states('32 members', many(32), many(32)),
  states('33 members', undefined, many(33)),
]

let app: App
/** The same with the setting that says of new trace ids that they are random. */
let saying: App
let echo: Server
beforeAll(async () => {
  // Not under the preload: it says what was on the wire.
  echo = createServer((request, response) => response.end(JSON.stringify(request.rawHeaders)))
  await new Promise<void>(done => echo.listen(0, '127.0.0.1', done))
  const start = (env: Record<string, string>) =>
    runApp(
      `const http = require('node:http')
     const to = process.env.ECHO
     http.createServer((req, res) => {
       if (req.url === '/http') http.get(to, r => r.pipe(res))
       else fetch(to).then(async r => res.end(await r.text()))
     }).listen(0, '127.0.0.1', function () { console.log('listening ' + this.address().port) })`,
      {
        cwd: join(__dirname, '..'),
        env: {
          OTEL_SERVICE_NAME: 'relay',
          ECHO: `http://127.0.0.1:${(echo.address() as AddressInfo).port}/`,
          ...env,
        },
      },
    )
  ;[app, saying] = await Promise.all([start({}), start({ ORG_OTEL_TRACE_ID_RANDOM_FLAG: 'true' })])
})
afterAll(async () => {
  await Promise.all([app?.dispose(), saying?.dispose()])
  await new Promise(done => echo.close(done).closeAllConnections())
})

/** What the service sends on; the request goes out exactly as written. */
function relay(path: string, lines: readonly string[], to = app): Promise<[string, string][]> {
  return new Promise((resolve, reject) => {
    const socket = connect(to.port, '127.0.0.1')
    let text = ''
    socket.on('error', reject).on('data', chunk => {
      text += chunk
    })
    socket.on('end', () => {
      const found = /\[.*\]/s.exec(text)
      if (found === null) return reject(new Error(text))
      const raw: string[] = JSON.parse(found[0])
      resolve(
        raw.flatMap((name, i) =>
          i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1]!] as [string, string]] : [],
        ),
      )
    })
    socket.write([`GET ${path} HTTP/1.1`, 'host: relay', 'connection: close', ...lines, '', ''].join('\r\n'))
  })
}

describe.each(['/http', '/fetch'])('forwarded by %s', path => {
  test.each(cases)('$what: the trace is the $trace', async ({ send, trace, state, flags }) => {
    const headers = await relay(path, send)
    const sent = headers.filter(([name]) => name === 'traceparent')
    expect(sent).toHaveLength(1)
    const [, traceId, spanId, sentFlags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(
      sent[0]![1],
    )!
    expect(traceId === T).toBe(trace === 'same')
    expect([S, '0'.repeat(16)]).not.toContain(spanId)
    expect(sentFlags).toBe(flags ?? '01')
    expect(headers.filter(([name]) => name === 'tracestate').map(([, value]) => value)).toEqual(
      state === undefined ? [] : [state],
    )
  })

  test.each([
    ['begins here', [], '03'],
    ['came without the flag', [`traceparent: 00-${T}-${S}-01`], '01'],
    ['came unsampled without the flag', [`traceparent: 00-${T}-${S}-00`], '00'],
    ['came with the flag', [`traceparent: 00-${T}-${S}-03`], '03'],
    ['came with a broken header', [`traceparent: 00-${T}-${S}-1`], '03'],
  ])(
    'with ORG_OTEL_TRACE_ID_RANDOM_FLAG a trace that %s goes on with its own flags',
    async (_, lines, flags) => {
      const sent = (await relay(path, lines, saying)).find(([name]) => name === 'traceparent')
      expect(sent?.[1].slice(-2)).toBe(flags)
    },
  )
})
