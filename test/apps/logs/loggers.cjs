// One request, one line per logger; which loggers, by argument.
const http = require('node:http')

const makers = {
  pino: () => require('pino')({ base: null }),
  'pino-transport': () =>
    require('pino')({ base: null, transport: { target: 'pino/file', options: { destination: 1 } } }),
  'pino-multistream': () => {
    const pino = require('pino')
    return pino(
      { base: null },
      pino.multistream([{ stream: process.stdout }, { level: 'error', stream: process.stderr }]),
    )
  },
  winston: () => {
    const winston = require('winston')
    return winston.createLogger({ transports: [new winston.transports.Console()] })
  },
  bunyan: () => require('bunyan').createLogger({ name: 'shop' }),
  console: () => console,
}

const name = process.argv[2]
const logger = makers[name]()
const error = new RangeError('too far')

const server = http.createServer((request, response) => {
  if (request.url === '/fail') {
    if (name === 'winston') logger.error('failed', error)
    else logger.error({ err: error }, 'failed')
    if (name === 'winston') logger.error('failed again', error)
    else logger.error({ err: error }, 'failed again')
  } else if (name === 'console') logger.log('paid %d', 7)
  else if (name === 'winston')
    logger.info('paid 7', { amount: 7, url: 'https://me:pw@shop.example/pay?token=abc&n=1' })
  else logger.info({ amount: 7, url: 'https://me:pw@shop.example/pay?token=abc&n=1' }, 'paid 7')
  response.end('ok')
})
server.listen(0, '127.0.0.1', () => process.stderr.write(`listening ${server.address().port}\n`))
