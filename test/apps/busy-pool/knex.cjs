// knex over its own pool of one connection of pg.
const knex = require('knex')
const { mark, serve } = require('./lib.cjs')
const { startPostgres } = require('./postgres-server.cjs')

startPostgres().then(async ({ url, close }) => {
  // With its version given it asks the server for nothing.
  const builder = knex({ client: 'pg', version: '15.0', connection: url, pool: { min: 0, max: 1 } })
  const text = tag => `select 1 as ${tag}`
  await serve(
    {
      raw: async tag => {
        await builder.raw(text(tag))
      },
      builder: async tag => {
        await builder.select(builder.raw(`1 as ${tag}`))
      },
      'builder with a callback': tag =>
        new Promise((resolve, reject) =>
          builder.raw(text(tag)).asCallback(error => {
            mark(tag)
            if (error) reject(error)
            else resolve()
          }),
        ),
      transaction: tag =>
        builder.transaction(async transaction => {
          await transaction.raw(text(tag))
          mark(tag)
        }),
      stream: async tag => {
        for await (const _row of builder.select(builder.raw(`1 as ${tag}`)).stream()) mark(tag)
      },
    },
    async () => {
      await builder.destroy()
      close()
    },
  )
})
