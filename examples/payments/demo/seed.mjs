// The accounts of the demo: twenty customers with a short history each, and a company with twelve long ones.
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'

export const retailCustomers = Array.from({ length: 20 }, (_, i) => `customer-${i + 1}`)
export const company = 'acme-corp'
export const companyAccounts = 12
const retailEntries = 50
const companyEntries = 20_000

const schema = `
  CREATE SCHEMA IF NOT EXISTS payments;
  DROP TABLE IF EXISTS payments.reconciled, payments.ledger_entries, payments.accounts;
  CREATE TABLE payments.accounts (id int PRIMARY KEY, customer text NOT NULL);
  CREATE TABLE payments.ledger_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id int NOT NULL, payment uuid, amount numeric(12, 2) NOT NULL
  );
  CREATE INDEX ON payments.ledger_entries (account_id, id);
  CREATE TABLE payments.reconciled (payment uuid PRIMARY KEY, amount numeric(12, 2) NOT NULL);
`

/** Creates and fills the schema `payments`; what was there before is dropped. */
export async function seed(connectionString) {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query(schema)
    const owners = [...retailCustomers, ...Array(companyAccounts).fill(company)]
    await client.query('INSERT INTO payments.accounts SELECT * FROM unnest($1::int[], $2::text[])', [
      owners.map((_, i) => i + 1),
      owners,
    ])
    await client.query(
      `INSERT INTO payments.ledger_entries (account_id, amount)
       SELECT a.id, 100.25 FROM payments.accounts AS a
       CROSS JOIN LATERAL generate_series(1, CASE a.customer WHEN $1 THEN $2::int ELSE $3::int END)`,
      [company, companyEntries, retailEntries],
    )
    await client.query('ANALYZE payments.ledger_entries')
  } finally {
    await client.end()
  }
}

/** Creates the topics that do not exist: a consumer of a missing topic ends, as it would anywhere. */
export async function createTopics(brokers) {
  const restore = silenceNegativeTimeouts()
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
  try {
    await admin.connect()
    const topics = ['payments', 'retries'].map(topic => ({ topic, numPartitions: 3 }))
    await admin.createTopics({ topics, waitForLeaders: true })
  } finally {
    await admin.disconnect()
    restore()
  }
}

/** kafkajs 2.2.4 sets timers of minus fifty years (tulios/kafkajs#1751), about which Node 24 warns. Returns the undoing. */
function silenceNegativeTimeouts() {
  const { emitWarning } = process
  process.emitWarning = (warning, ...rest) => {
    if (rest[0] !== 'TimeoutNegativeWarning') emitWarning.call(process, warning, ...rest)
  }
  return () => {
    process.emitWarning = emitWarning
  }
}
