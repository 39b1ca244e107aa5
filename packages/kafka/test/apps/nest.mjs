// A NestJS microservice over Kafka, and a client of it. Decorators are called by hand: this is plain JavaScript.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientKafka, EventPattern, MessagePattern, Payload, ServerKafka } from '@nestjs/microservices'
import { context, trace } from '@opentelemetry/api'
import { Kafka, logLevel } from 'kafkajs'
import { lastValueFrom } from 'rxjs'
import * as sources from '../../src/index.ts'
import { startBroker } from '../support/broker.ts'
import { inSpan, until } from '../support/traces.ts'
import { check, imports, runCases, sdk } from './check.mjs'

const api =
  process.env.TEST_PRELOAD === '1' ? createRequire(import.meta.url)(process.env.TEST_COMMONJS_COPY) : sources
const broker = await startBroker()
const admin = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin()
await admin.connect()
await admin.createTopics({
  topics: ['orders', 'price', 'price.reply'].map(topic => ({ topic, numPartitions: 1 })),
})
await admin.disconnect()

/** The recipe of docs/kafka.md. */
function traceNestKafka(transport) {
  const createClient = transport.createClient.bind(transport)
  transport.createClient = async () => api.instrumentKafka(await createClient())
  return transport
}
const prepare = transport => (imports ? traceNestKafka(transport) : transport)
const options = name => ({
  client: { clientId: name, brokers: [broker.address], logLevel: logLevel.NOTHING },
  consumer: { groupId: name, maxWaitTimeInMs: 20 },
  subscribe: { fromBeginning: true },
})

const seen = []
class OrdersController {
  handleOrder() {
    seen.push(trace.getSpanContext(context.active())?.traceId)
  }
  price(data) {
    seen.push(trace.getSpanContext(context.active())?.traceId)
    return { price: data.amount * 2 }
  }
}
const decorate = (decorator, method) => {
  decorator(
    OrdersController.prototype,
    method,
    Object.getOwnPropertyDescriptor(OrdersController.prototype, method),
  )
}
decorate(EventPattern('orders'), 'handleOrder')
decorate(MessagePattern('price'), 'price')
Payload()(OrdersController.prototype, 'price', 0)
Controller()(OrdersController)
class AppModule {}
Module({ controllers: [OrdersController] })(AppModule)

const strategy = prepare(new ServerKafka(options('billing')))
const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false })
await app.listen()
const client = prepare(new ClientKafka(options('shop')))
client.subscribeToResponseOf('price')
await client.connect()

check('an event is processed in the trace of the request that emitted it', async () => {
  const own = await inSpan(async span => {
    await lastValueFrom(client.emit('orders', { id: 1 }))
    return span.spanContext().traceId
  })
  await until(() => seen.length === 1, 'the event', 8000)
  assert.deepEqual(seen, [own])
  await until(() => sdk.spans().length === 3, 'three spans')
  assert.deepEqual(
    sdk
      .spans()
      .map(span => span.name)
      .sort(),
    ['S', 'process orders', 'send orders'],
  )
})

check('a request, its handler and its reply are one trace', async () => {
  seen.length = 0
  const { own, answer } = await inSpan(async span => ({
    own: span.spanContext().traceId,
    answer: await lastValueFrom(client.send('price', { amount: 21 })),
  }))
  assert.deepEqual(answer, { price: 42 })
  assert.deepEqual(seen, [own])
  const names = ['S', 'process price', 'process price.reply', 'send price', 'send price.reply']
  await until(() => sdk.spans().length === names.length, 'five spans')
  assert.deepEqual(
    sdk
      .spans()
      .map(span => span.name)
      .sort(),
    names,
  )
  assert.deepEqual([...new Set(sdk.spans().map(span => span.spanContext().traceId))], [own])
})

await runCases()
process.exit(0)
