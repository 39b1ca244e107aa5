// GET /in calls the gRPC service of this process, which says what metadata came; /own sends an id of its own.
const http = require('node:http')
const grpc = require('@grpc/grpc-js')
const logger = require('pino')({ base: null })

const bytes = value => Buffer.from(value)
const method = {
  path: '/test.Users/Get',
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: String,
  responseSerialize: bytes,
  responseDeserialize: String,
}
const users = new grpc.Server()
users.addService(
  { get: method },
  {
    get: (call, answer) => {
      logger.info('got')
      answer(null, JSON.stringify(call.metadata.getMap()))
    },
  },
)
const Users = grpc.makeGenericClientConstructor({ get: method }, 'Users')

users.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  const client = new Users(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const server = http.createServer((request, response) => {
    const metadata = new grpc.Metadata()
    if (request.url === '/own') metadata.set('X-Request-Id', 'own')
    client.get('1', metadata, (failure, text) => response.end(failure ? String(failure) : text))
  })
  server.listen(0, '127.0.0.1', () => process.stderr.write(`listening ${server.address().port}\n`))
})
