'use strict'
const { connection, inSpan } = require('./lib.cjs')
const { Client, Query } = require('pg')

// What the server was sent.
module.exports = () =>
  inSpan('comments', async () => {
    const client = new Client(connection)
    await client.connect()
    const texts = []
    const config = { text: 'SELECT current_query() AS text, $1::int', values: [1] }
    const asked = ['SELECT current_query() AS text', config, 'SELECT current_query() AS text /* commented */']
    for (const query of asked) texts.push((await client.query(query)).rows[0].text)
    const applicationName = (await client.query("SELECT current_setting('application_name') AS name")).rows[0]
      .name
    const query = new Query('SELECT 1 AS n')
    const isSameQuery = client.query(query) === query
    await new Promise(resolve => query.on('end', resolve))
    await client.end()
    return { texts, applicationName, isSameQuery, config }
  })
