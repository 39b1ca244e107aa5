// Sends one order.
import { kafka, topics } from './kafka.mjs'

const producer = kafka.producer()
await producer.connect()
await producer.send({ topic: topics.orders, messages: [{ key: 'order-1', value: '{"id":1,"amount":100}' }] })
await producer.disconnect()
