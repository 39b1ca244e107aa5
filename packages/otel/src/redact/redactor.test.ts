// The one gate: every way a value gets on a span, with hidden kinds, own keys and own patterns, hostile values, and time.
import { type AttributeValue, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { EndedSpan } from '../tracing/ended-span.ts'
import { LeanTracerProvider } from '../tracing/provider.ts'
import { buildRedactor, type RedactorOptions } from './redactor.ts'
import { tally } from './tally.ts'

interface Seen {
  readonly name: string
  readonly attributes: Record<string, unknown>
  readonly events: unknown
  readonly links: unknown
  readonly message: string
}

function record(options?: RedactorOptions | 'off', limits = {}) {
  const spans: Seen[] = []
  const provider = new LeanTracerProvider({
    limits,
    ...(options !== 'off' && { redactor: buildRedactor(options) }),
    sink: {
      add({ name, attributes, events, links, statusMessage }: EndedSpan) {
        const object: Record<string, unknown> = {}
        for (let i = 0; i < attributes.length; i += 2) object[attributes[i] as string] = attributes[i + 1]
        spans.push({
          name,
          attributes: object,
          events: events?.map(e => [e.name, e.attributes]),
          links: links?.map(l => l.attributes),
          message: statusMessage,
        })
      },
    },
  })
  return { provider, tracer: provider.getTracer('some-framework'), spans }
}

function show(attributes: Record<string, AttributeValue>, options?: RedactorOptions | 'off') {
  const { tracer, spans } = record(options)
  tracer.startSpan('s', { attributes }).end()
  return spans[0]?.attributes
}

const c = 'CANARY'
const url = `http://u:${c}@shop.example/a?token=${c}&n=1#access_token=${c}`

/** One row is one place on a span; each has the secret when nothing is hidden. */
const places: Record<string, Record<string, AttributeValue>> = {
  'url.full': { 'url.full': url },
  'http.url': { 'http.url': url },
  'http.target': { 'http.target': `/a?reset-token=${c}` },
  'url.path': { 'url.path': `/a;jsessionid=${c}` },
  'url.query': { 'url.query': `user[password]=${c}` },
  'url.fragment': { 'url.fragment': `access_token=${c}` },
  referer: { 'http.request.header.referer': [`https://x/?code=${c}`] },
  location: { 'http.response.header.location': [`/cb?code=${c}`] },
  'x-original-url': { 'http.request.header.x-original-url': [`/a?key=${c}`] },
  'authorization header': { 'http.request.header.authorization': [`Bearer ${c}`] },
  'cookie header': { 'http.request.header.cookie': [`sid=${c}`] },
  'set-cookie header': { 'http.response.header.set_cookie': [`sid=${c}`, 'theme=1'] },
  'api key header': { 'http.request.header.x-api-key': [c] },
  'gRPC metadata': { 'rpc.grpc.request.metadata.authorization': [c] },
  'message header': { 'messaging.header.token': c },
  'unknown name with a URL': { 'next.request': `GET ${url}` },
  'name that says it': { 'app.user.password': c },
  'list under a name that says it': { 'app.tokens': [c, c] },
  'list of URLs': { 'app.links': [url, 'x', url] },
  'nested fields': { app: { request: { headers: { authorization: c }, url } } as never },
  'PostgreSQL statement': { 'db.system.name': 'postgresql', 'db.query.text': `select '${c}'` },
  'PostgreSQL statement, older names': { 'db.statement': `select '${c}'`, 'db.system': 'postgresql' },
  'MySQL statement': { 'db.system': 'mysql', 'db.statement': `select "${c}", 'it\\'s ${c}'` },
  'statement of nobody': { 'db.query.text': `select "${c}", '${c}'` },
  'SQL Server statement': { 'db.system': 'mssql', 'db.statement': `select N'${c}'` },
  'Oracle statement': { 'db.system.name': 'oracle.db', 'db.query.text': `select q'[${c}]' from dual` },
  'CQL statement': { 'db.system': 'cassandra', 'db.statement': `select * from t where a = '${c}'` },
  'Redis command': { 'db.system': 'redis', 'db.statement': `HSET user password ${c}` },
  'Redis script': { 'db.system.name': 'redis', 'db.query.text': `EVALSHA 6b1b 1 k ${c}` },
  'memcached command': { 'db.system': 'memcached', 'db.statement': `set k 0 0 6\r\n${c}` },
  'MongoDB filter': { 'db.system.name': 'mongodb', 'db.query.text': `{"email":"${c}"}` },
  'Elasticsearch body': { 'db.system.name': 'elasticsearch', 'db.query.text': `{"match":{"a":"${c}"}}` },
  'DynamoDB input': { 'db.system': 'dynamodb', 'db.statement': `{"Key":{"id":{"S":"${c}"}}}` },
  'GraphQL document': { 'graphql.source': `{ user(mail: "${c}") { id } }` },
  'connection string': { 'db.connection_string': `Server=db;Password=${c};` },
  'connection URL': { 'db.connection_string': `postgres://app:${c}@db/shop` },
  'AMQP URL': { 'messaging.url': `amqp://guest:${c}@rabbit` },
  'queue URL': { 'aws.sqs.queue.url': `https://sqs/1/q?X-Amz-Signature=${c}` },
  'command line': { 'process.command_line': `node . --password ${c}` },
  'error message': { 'exception.message': `no postgres://a:${c}@db` },
  'JSON in a text': { 'app.body': `{"password":"${c}"}` },
  'token by its look': { 'app.note': `got eyJ${c}abcdef.e30.x` },
}

describe.each(Object.entries(places))('%s', (_name, attributes) => {
  it('has the secret when nothing is hidden, and has not by default', () => {
    expect(JSON.stringify(show(attributes, 'off'))).toContain(c)
    const shown = show(attributes)
    expect(JSON.stringify(shown)).not.toContain(c)
    expect(JSON.stringify(shown)).toMatch(/REDACTED|\?|other arguments/)
    expect(Object.keys(shown ?? {})).toEqual(Object.keys(attributes))
  })
})

it('harmless attributes are the same values', () => {
  const attributes = {
    'http.route': '/users/:id',
    'session.id': 'abc',
    'error.code': 'E_CODE',
    'gen_ai.usage.input_tokens': 5,
    'cache.key': 'user:1',
    'messaging.destination.name': 'orders',
    'user_agent.original': 'curl/8',
    'server.address': '10.0.0.1',
    list: ['a', 'b'],
    yes: true,
    'url.full': 'http://shop.example/a?page=1&country_code=NO',
    'db.query.text': 'select a from b where c = ?',
    bytes: new Uint8Array(3),
  }
  expect(show(attributes)).toEqual(attributes)
})

it('all that a span has is looked at: name, status, exceptions, events, links, and the events name', () => {
  const { tracer, spans } = record()
  const span = tracer.startSpan(`GET ${url}`, {
    kind: SpanKind.CLIENT,
    links: [
      { context: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }, attributes: { url } },
    ],
  })
  span.updateName(`GET ${url}`)
  span.setAttributes({ 'http.url': url, password: c })
  span.setAttribute('token', c)
  span.addEvent(`fetch ${url}`, { url, 'exception.message': `password=${c}` })
  span.addLink({
    context: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 },
    attributes: { secret: c },
  })
  span.recordException(
    Object.assign(new Error(`Key (email)=(${c}) already exists; fetch ${url}; alice@example.com`), {
      stack: `Error: pwd=${c}\n    at x (file:///a?token=${c})`,
    }),
  )
  span.recordException(`password: ${c}`)
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: `Duplicate entry '${c}' for key 'a'; mysql://u:${c}@h`,
  })
  span.end()
  expect(JSON.stringify(spans)).not.toContain(c)
  expect(JSON.stringify(spans)).not.toContain('alice@')
  expect(spans[0]?.name).toBe(
    'GET http://REDACTED:REDACTED@shop.example/a?token=REDACTED&n=1#access_token=REDACTED',
  )
})

it.each([
  ['raw', { 'db.system': 'postgresql' }, `select '${c}' as mail`, 'select ? as mail'],
  ['a name', { 'db.system': 'mysql' }, 'SELECT shop.users', 'SELECT shop.users'],
  ['words', {}, 'GET /users/:id', 'GET /users/:id'],
])('the name of a span that is %s', (_what, attributes, name, expected) => {
  const { tracer, spans } = record()
  tracer.startSpan(name, { attributes: attributes as never }).end()
  expect(spans[0]?.name).toBe(expected)
})

it('processors of the application get the clean span', () => {
  const seen: unknown[] = []
  const provider = new LeanTracerProvider({
    redactor: buildRedactor(),
    sink: { add() {} },
    processors: [
      {
        onStart() {},
        onEnd: span => void seen.push(span.attributes, span.events),
        async forceFlush() {},
        async shutdown() {},
      },
    ],
  })
  const span = provider.getTracer('t').startSpan('s', { attributes: { 'http.url': url } })
  span.recordException(new Error(url))
  span.end()
  expect(seen).toHaveLength(2)
  expect(JSON.stringify(seen)).not.toContain(c)
})

it('what is hidden can be chosen', () => {
  const attributes = {
    'http.url': `/a?token=${c}`,
    'db.system': 'redis',
    'db.statement': `SET k ${c}`,
    password: c,
  }
  expect(show(attributes, { kinds: ['argument'] })).toMatchObject({
    'http.url': `/a?token=${c}`,
    'db.statement': 'SET k [other arguments]',
    password: c,
  })
  expect(
    show(
      { note: 'order KD-123456', 'app.invoice_ref': 'x', token: 'visible' },
      {
        patterns: [/KD-\d{6}/g],
        keys: { hidden: ['*invoice_ref'], shown: ['token'] },
      },
    ),
  ).toEqual({ note: 'order REDACTED', 'app.invoice_ref': 'REDACTED', token: 'visible' })
})

it('what was hidden is counted by kind, and once', () => {
  const before = { ...tally }
  const { tracer, spans, provider } = record()
  tracer
    .startSpan('s', {
      attributes: { 'http.url': '/a?token=x&code=y', password: 'z', 'db.query.text': 'select 1' },
    })
    .end()
  expect([
    tally.url - before.url,
    tally.credential - before.credential,
    tally.statement - before.statement,
  ]).toEqual([2, 1, 1])
  provider.redactor?.redactSpan({
    name: 's',
    scope: { name: 's' },
    attributes: Object.entries(spans[0]?.attributes ?? {}).flat(),
    events: null,
    links: null,
    statusMessage: '',
    common: null,
  } as never)
  expect([
    tally.url - before.url,
    tally.credential - before.credential,
    tally.statement - before.statement,
  ]).toEqual([2, 1, 1])
})

describe('a value that a limit cuts is cleaned before it is cut', () => {
  it.each([
    ['set', (t: any, v: string) => t.startSpan('s').setAttribute('a', v).end()],
    ['given at the start', (t: any, v: string) => t.startSpan('s', { attributes: { a: v } }).end()],
    ['in a list', (t: any, v: string) => t.startSpan('s').setAttribute('a', [v]).end()],
    ['in an event', (t: any, v: string) => t.startSpan('s').addEvent('e', { a: v }).end()],
    [
      'in a link',
      (t: any, v: string) =>
        t
          .startSpan('s', {
            links: [
              {
                context: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 },
                attributes: { a: v },
              },
            ],
          })
          .end(),
    ],
    [
      'put by our own',
      (t: any, v: string) => {
        const s = t.make('s', 0, undefined)
        s.put('a', v)
        s.end()
      },
    ],
  ])('%s', (_how, run) => {
    const { tracer, spans } = record(undefined, { attributeValueLength: 30 })
    run(tracer, `https://user:${c}${c}${c}@shop.example/`)
    expect(JSON.stringify(spans)).toContain('https://REDACTED:REDACTED')
    expect(JSON.stringify(spans)).not.toMatch(/CANA/)
  })
})

const deep = (depth: number): unknown => (depth === 0 ? `token=${c}` : { a: deep(depth - 1) })
const hostile: Record<string, () => unknown> = {
  'a getter that throws': () => ({
    get a() {
      throw new Error(c)
    },
  }),
  'a getter': () => ({
    get password() {
      return c
    },
  }),
  'a proxy that refuses': () =>
    new Proxy(
      {},
      {
        ownKeys() {
          throw new Error(c)
        },
      },
    ),
  'a circle': () => {
    const o: any = { url }
    o.self = o
    return o
  },
  'a deep object': () => deep(2000),
  'a less deep object': () => deep(40),
  bytes: () => Buffer.from('binary'),
  '100,000 items': () => Array.from({ length: 100_000 }, (_, i) => `http://u:${c}@h/${i}?token=${c}`),
  '100,000 fields': () => Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`password${i}`, c])),
  'a list with holes': () => Object.assign(new Array(3), { 1: url }),
  'lone surrogates': () => `\ud800token=${c}\udc00`,
  'a symbol': () => Symbol(c),
  'a function': () => () => c,
  'a big number': () => 10n ** 30n,
  nothing: () => null,
}

describe.each(Object.entries(hostile))('%s', (_name, make) => {
  it('throws nowhere and shows nothing, on spans and in log records', () => {
    const { tracer, spans } = record()
    const value = make() as never
    const span = tracer.startSpan('s', { attributes: { a: value, password: value } })
    span.setAttribute('b', value)
    span.addEvent('e', { b: value })
    span.recordException({ message: value, stack: value, name: value } as never)
    span.setStatus({ code: 2, message: value })
    span.end()
    expect(JSON.stringify(spans, (_k, v) => (typeof v === 'bigint' ? `${v}` : v))).not.toContain(c)
    const redactor = buildRedactor()
    for (const key of ['a', 'password', 'db.query.text', 'http.url']) redactor.redactAttribute(key, value)
    redactor.redactBody(value)
    redactor.redactFields({ a: value })
  })
})

/** Of this process: what others do at the same time does not count. */
const time = (run: () => void): number => {
  const start = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e3
}

/** What each rule is slowest at, by a unit that is repeated. */
const units = [
  'a',
  '=',
  ':',
  '@',
  '?',
  '&',
  ';',
  '%',
  '"',
  "'",
  '\\',
  '\\"',
  '$',
  '$a',
  '/*',
  '--',
  '(',
  '://',
  'a@',
  '://a@',
  'a=',
  'a=1;',
  '?a=1&',
  'token=',
  'token: "',
  'password=x ',
  '%2525',
  '%3D',
  'eyJ',
  'eyJa.',
  'Bearer ',
  'basic aaaa',
  '-----BEGIN',
  '-----BEGIN PRIVATE KEY-----',
  '-- ',
  '--password ',
  '4',
  '4 ',
  '4111 ',
  'Key (',
  'Key (a)=(b',
  'invalid: "',
  'value "',
  "near 'x' ",
  'Duplicate entry ',
  "'a' ",
  'params: ',
  ' - ',
  'select ',
  'user:pw@',
  'http://a:b@c/',
  ' ',
  '\n',
  '\ud800',
  'é',
  '{"a":',
  '"""',
  'found "',
  'non-x value: ',
  '\n    at ',
]

describe('ten times the text takes about ten times as long, whatever is in it', () => {
  const redactor = buildRedactor()
  const attributes = [
    'a',
    'url.full',
    'url.query',
    'db.query.text',
    'graphql.source',
    'exception.message',
    'db.query.parameter.0',
    'http.request.header.x-a',
  ]
  it.each(units)('%j', unit => {
    const small = `select '${unit.repeat(Math.ceil(1e5 / unit.length))}`
    const large = `select '${unit.repeat(Math.ceil(1e6 / unit.length))}`
    for (const key of attributes) {
      const first = time(() => redactor.redactAttribute(key, small))
      // A machine that is busy with something else is busy for a moment: the square of a length is so each time.
      let second = Number.POSITIVE_INFINITY
      for (let i = 0; i < 3 && second >= 40 * first + 400; i++)
        second = time(() => redactor.redactAttribute(key, large))
      // The square would be a hundred times as long. A busy machine is forgiven.
      expect([key, second < 40 * first + 400]).toEqual([key, true])
    }
  })
  it('ten megabytes are done in seconds', () => {
    for (const unit of ['a', 'token=x&', 'http://a:b@c/?token=x ', "'"])
      for (const key of ['a', 'url.full', 'db.query.text', 'exception.message'])
        expect(time(() => redactor.redactAttribute(key, unit.repeat(1e7 / unit.length)))).toBeLessThan(10_000)
  })
})

it('no mixture of hostile parts uncovers a password or throws', () => {
  let seed = 20_261_128
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((seed / 2_147_483_648) * below)
  }
  const redactor = buildRedactor()
  const names = [
    'a',
    'url.full',
    'url.query',
    'db.query.text',
    'exception.message',
    'http.target',
    'graphql.source',
  ]
  // Each secret in a place that is known, what is around it at random.
  const carriers = [
    `?token=${c}`,
    `&password=${c}&`,
    ` password=${c} `,
    `://u:${c}@host/`,
    ` "secret":"${c}" `,
    `\nAuthorization: Bearer ${c}\n`,
  ]
  for (let i = 0; i < 10_000; i++) {
    const noise = () => Array.from({ length: random(6) }, () => units[random(units.length)]).join('')
    const text = `${noise()} http://h/x${carriers[0]} ${noise()}`
    const carrier = carriers[random(carriers.length)] as string
    for (const name of names) {
      redactor.redactAttribute(name, `${noise()}${carrier}${noise()}`)
      redactor.redactAttribute(name, text)
    }
    expect(redactor.redactBody(`x${carrier}${noise()}`)).not.toContain(c)
    expect(redactor.redactAttribute('exception.message', `x ${carrier}${noise()}`)).not.toContain(c)
  }
})
