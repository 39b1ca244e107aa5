// The accounts of the demo: twenty customers with one account each, and one company with twelve.
import pg from 'pg'

export const retailCustomers = Array.from({ length: 20 }, (_, i) => `customer-${i + 1}`)
export const company = 'acme-corp'
export const companyAccounts = 12
const entries = 160_000

const schema = `
  CREATE SCHEMA IF NOT EXISTS payments;
  DROP TABLE IF EXISTS payments.reconciled, payments.ledger_entries, payments.accounts;
  CREATE TABLE payments.accounts (id int PRIMARY KEY, customer text NOT NULL);
  -- No index on account_id: somebody forgot it, which is what makes the balance slow.
  CREATE TABLE payments.ledger_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id int NOT NULL, payment uuid, amount bigint NOT NULL
  );
  CREATE TABLE payments.reconciled (payment uuid PRIMARY KEY, amount bigint NOT NULL);
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
       SELECT 1 + n % ${owners.length}, 1000 FROM generate_series(1, ${entries}) AS n`,
    )
    await client.query('ANALYZE payments.ledger_entries')
  } finally {
    await client.end()
  }
}
