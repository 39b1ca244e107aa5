// The mixin and the format are what pino's and winston's own types ask for; tsc reads this file with the packages.
import bunyan from 'bunyan'
import type pino from 'pino'
import winston from 'winston'
import { type CorrelationOptions, pinoMixin, winstonTraceFormat } from './index.ts'

test('pino takes the mixin and winston takes the format without a cast', () => {
  const options: CorrelationOptions = { preset: 'ecs', baggageKeys: ['tenant'], service: { name: 'shop' } }
  const mixin: pino.LoggerOptions['mixin'] = pinoMixin(options)
  const custom: pino.LoggerOptions<'audit'> = { customLevels: { audit: 35 }, mixin: pinoMixin() }
  const format: winston.Logform.Format = winstonTraceFormat(options)
  const logger = winston.createLogger({
    format: winston.format.combine(winstonTraceFormat(), winston.format.json()),
    silent: true,
  })
  const other: bunyan = bunyan.createLogger({ name: 'typed', streams: [] })
  expect([
    typeof mixin,
    typeof custom.mixin,
    typeof format.transform,
    typeof logger.info,
    typeof other.info,
  ]).toEqual(Array(5).fill('function'))
})
