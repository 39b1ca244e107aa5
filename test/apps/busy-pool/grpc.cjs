// @grpc/grpc-js: calls wait for the channel, which the first request opens; unary and streaming.
const grpc = require('@grpc/grpc-js')
const { mark, onWire, pause, serve } = require('./lib.cjs')

const toText = { serialize: text => Buffer.from(text), deserialize: String }
const method = (path, requestStream, responseStream) => ({
  path: `/test.Busy/${path}`,
  requestStream,
  responseStream,
  requestSerialize: toText.serialize,
  requestDeserialize: toText.deserialize,
  responseSerialize: toText.serialize,
  responseDeserialize: toText.deserialize,
})
const definition = {
  Unary: method('Unary', false, false),
  Download: method('Download', false, true),
  Upload: method('Upload', true, false),
  Chat: method('Chat', true, true),
}
const note = call => onWire(String(call.metadata.get('tag')[0]), call.metadata.get('traceparent')[0])

const server = new grpc.Server()
server.addService(definition, {
  async Unary(call, callback) {
    note(call)
    await pause(3)
    callback(null, 'ok')
  },
  async Download(call) {
    note(call)
    await pause(3)
    call.write('one')
    await pause(1)
    call.write('two')
    call.end()
  },
  Upload(call, callback) {
    note(call)
    call.on('data', () => {}).on('end', () => callback(null, 'ok'))
  },
  Chat(call) {
    note(call)
    call.on('data', text => call.write(text)).on('end', () => call.end())
  },
})

server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  const Client = grpc.makeClientConstructor(definition, 'Busy')
  const clients = []
  const lazy = options => {
    let client
    return () => {
      if (client === undefined) {
        client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options)
        clients.push(client)
      }
      return client
    }
  }
  const shared = lazy({})
  const waiting = lazy({ 'grpc.use_local_subchannel_pool': 1 })
  const metadata = tag => {
    const made = new grpc.Metadata()
    made.set('tag', tag)
    return made
  }
  const until = (call, tag, isWithoutData) =>
    new Promise((resolve, reject) => {
      if (!isWithoutData) call.once('data', () => mark(tag))
      call
        .on('data', () => {})
        .on('error', reject)
        .on('status', () => mark(tag))
        .on('end', () => {
          mark(tag)
          resolve()
        })
    })
  const answered = (tag, start) =>
    new Promise((resolve, reject) => {
      const call = start(failure => {
        mark(tag)
        if (failure) reject(failure)
      })
      call.on('status', () => {
        mark(tag)
        resolve()
      })
    })
  const unary = client => tag => answered(tag, callback => client().Unary(tag, metadata(tag), callback))

  serve(
    {
      unary: unary(shared),
      'unary, before the channel is ready': unary(waiting),
      'a stream from the server': tag => until(shared().Download(tag, metadata(tag)), tag),
      'a stream to the server': tag =>
        answered(tag, callback => {
          const call = shared().Upload(metadata(tag), callback)
          call.write('one')
          call.end('two')
          return call
        }),
      makeUnaryRequest: tag =>
        answered(tag, callback =>
          shared().makeUnaryRequest(
            '/test.Busy/Unary',
            toText.serialize,
            toText.deserialize,
            tag,
            metadata(tag),
            callback,
          ),
        ),
      'streams both ways': tag => {
        const call = shared().Chat(metadata(tag))
        call.write('one')
        call.end('two')
        return until(call, tag)
      },
    },
    () => {
      for (const client of clients) client.close()
      server.forceShutdown()
    },
  )
})
