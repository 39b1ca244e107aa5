// amqplib (the package named in AMQPLIB): one connection, one channel each, opened by whichever request comes first.
const { mark, onWire, serve } = require('./lib.cjs')

const amqp = require(process.env.AMQPLIB)
const callbacks = require(`${process.env.AMQPLIB}/callback_api`)
const url = process.env.SERVER_URL
const closers = []

const once = make => {
  let made
  return () => (made ??= make())
}
const connect = once(async () => {
  const connection = await amqp.connect(url)
  closers.push(() => connection.close())
  return connection
})
/** Tag -> who waits for the message with it. */
const expected = new Map()
function consumer(channel) {
  return message => {
    const tag = String(message.content)
    onWire(tag, message.properties.headers.traceparent)
    // In the consumer's span, which continues the trace of whoever sent it.
    mark(tag)
    channel.ack(message)
    expected.get(tag)?.()
  }
}
const arrived = tag => new Promise(resolve => expected.set(tag, resolve))

const channel = once(async () => {
  const made = await (await connect()).createChannel()
  await made.prefetch(2)
  await made.assertQueue('busy', { durable: false, autoDelete: true })
  await made.consume('busy', consumer(made))
  return made
})
const confirming = once(async () => {
  const made = await (await connect()).createConfirmChannel()
  await made.prefetch(2)
  await made.assertQueue('confirmed', { durable: false, autoDelete: true })
  await made.consume('confirmed', consumer(made))
  made.on('return', ({ content }) => {
    // Every message that comes back is somebody else's: its listener belongs to no request.
    mark(String(content), 'nobody')
    expected.get(String(content))?.()
  })
  return made
})
const called = once(
  () =>
    new Promise((resolve, reject) =>
      callbacks.connect(url, (error, connection) => {
        if (error) return reject(error)
        closers.push(() => new Promise(done => connection.close(done)))
        connection.createConfirmChannel((failure, made) => {
          if (failure) return reject(failure)
          made.assertQueue('called', { durable: false, autoDelete: true }, wrong => {
            if (wrong) return reject(wrong)
            made.consume('called', consumer(made), {}, problem => (problem ? reject(problem) : resolve(made)))
          })
        })
      }),
    ),
)
const confirmed = (tag, made, queue) =>
  new Promise((resolve, reject) =>
    made.sendToQueue(queue, Buffer.from(tag), {}, error => {
      mark(tag)
      error ? reject(error) : resolve()
    }),
  )

serve(
  {
    'a channel and a consumer': async tag => {
      const made = await channel()
      const come = arrived(tag)
      made.sendToQueue('busy', Buffer.from(tag))
      await come
    },
    'a confirm channel': async tag => {
      const made = await confirming()
      const come = arrived(tag)
      await confirmed(tag, made, 'confirmed')
      await come
    },
    'the callback API': async tag => {
      const made = await called()
      const come = arrived(tag)
      await confirmed(tag, made, 'called')
      await come
    },
    'a request to the broker': async tag => {
      await (await channel()).checkQueue('busy')
      const made = await called()
      await new Promise((resolve, reject) =>
        made.checkQueue('called', error => {
          mark(tag)
          error ? reject(error) : resolve()
        }),
      )
    },
    'a message that comes back': async tag => {
      const made = await confirming()
      const come = arrived(tag)
      const options = Object.freeze({ mandatory: true })
      made.publish('', 'nowhere', Buffer.from(tag), options)
      await come
    },
  },
  async () => {
    await Promise.all(closers.map(close => close()))
  },
)
