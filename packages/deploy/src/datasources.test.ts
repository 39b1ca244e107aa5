import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { datasources } from './datasources.ts'

const file = join(__dirname, '../compose/grafana/datasources.yaml')
const provisioned: { name: string; uid: string; type: string; jsonData: unknown }[] = parse(
  readFileSync(file, 'utf8'),
).datasources

test('provisioning has the data sources that dashboards name, and no others', () => {
  expect(provisioned.map(({ name, uid, type }) => ({ name, uid, type }))).toEqual(
    expect.arrayContaining(Object.values(datasources).map(({ name, uid, type }) => ({ name, uid, type }))),
  )
  expect(provisioned).toHaveLength(Object.keys(datasources).length)
})

test('the links between data sources lead to data sources that exist', () => {
  const uids: string[] = Object.values(datasources).map(({ uid }) => uid)
  const linked = [...JSON.stringify(provisioned).matchAll(/"datasourceUid":"([^"]+)"/g)].map(([, uid]) => uid)
  // Metric to trace, trace to log, trace to metric, log to trace.
  expect(linked.length).toBeGreaterThanOrEqual(4)
  for (const uid of linked) expect(uids).toContain(uid)
})
