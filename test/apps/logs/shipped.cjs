// Loggers that ship to OpenTelemetry themselves, through the older api-logs or a transport of their own.
const http = require('node:http')

const makers = {
  'api-logs'() {
    const { logs } = require('@opentelemetry/api-logs')
    const logger = logs.getLogger('own', '1.2.3')
    return () =>
      logger.emit({ body: 'hello', severityNumber: 9, severityText: 'INFO', attributes: { by: 'hand' } })
  },
  'winston-transport'() {
    const winston = require('winston')
    const { OpenTelemetryTransportV3 } = require('@opentelemetry/winston-transport')
    const logger = winston.createLogger({
      transports: [new OpenTelemetryTransportV3(), new winston.transports.Console()],
    })
    return () => logger.info('hello', { by: 'transport' })
  },
  'pino-transport'() {
    const logger = require('pino')({ transport: { target: 'pino-opentelemetry-transport' } })
    return () => logger.info({ by: 'transport' }, 'hello')
  },
  'pino-transports'() {
    const pino = require('pino')
    const transport = pino.transport({
      targets: [{ target: 'pino-opentelemetry-transport' }, { target: 'pino/file' }],
    })
    const logger = pino(transport)
    return () => logger.info({ by: 'transport' }, 'hello')
  },
}

const speak = makers[process.argv[2]]()
const server = http.createServer((_request, response) => {
  speak()
  response.end('ok')
})
server.listen(0, '127.0.0.1', () => process.stderr.write(`listening ${server.address().port}\n`))
