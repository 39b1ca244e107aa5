// What the programs share: the broker, and the topics.
import { Kafka, logLevel } from 'kafkajs'

export const topics = { orders: 'orders', invoices: 'invoices' }

export const kafka = new Kafka({
  clientId: process.env.OTEL_SERVICE_NAME ?? 'kafka-batch',
  brokers: (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(','),
  logLevel: logLevel.NOTHING,
})
