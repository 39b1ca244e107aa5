// What the three programs share: the address of the broker and the names of the topics.
import { Kafka, logLevel } from 'kafkajs'

export const topics = { orders: 'orders', retry: 'orders.retry', deadLetter: 'orders.dead-letter' }
export const attempts = 3

export const kafka = new Kafka({
  clientId: process.env.OTEL_SERVICE_NAME ?? 'kafka-retries',
  brokers: (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(','),
  logLevel: logLevel.NOTHING,
})
