// The same as loggers.cjs, by `import`.
import http from 'node:http'
import bunyan from 'bunyan'
import pino from 'pino'
import winston, { createLogger } from 'winston'

const makers = {
  pino: () => pino({ base: null }),
  winston: () => createLogger({ transports: [new winston.transports.Console()] }),
  bunyan: () => bunyan.createLogger({ name: 'shop' }),
  console: () => console,
}

const name = process.argv[2]
const logger = makers[name]()

const server = http.createServer((_request, response) => {
  if (name === 'console') logger.log('paid %d', 7)
  else if (name === 'winston') logger.info('paid 7', { amount: 7 })
  else logger.info({ amount: 7 }, 'paid 7')
  response.end('ok')
})
server.listen(0, '127.0.0.1', () => process.stderr.write(`listening ${server.address().port}\n`))
