// mongoose over one connection; the first requests wait until it is connected.
const mongoose = require('mongoose')
const { mark, serve } = require('./lib.cjs')
const { startMongodb } = require('./mongodb-server.cjs')

startMongodb().then(({ url, close }) => {
  const options = { maxPoolSize: 1, autoIndex: false, autoCreate: false }
  const schema = new mongoose.Schema({ n: Number }, { autoIndex: false, autoCreate: false })
  // One model per request: the names of spans and collections have the tag in them.
  const model = tag => mongoose.model(tag, schema, tag)
  let isConnecting = false
  return serve(
    {
      'before it is connected': tag => {
        const found = model(tag).findOne({})
        if (!isConnecting) setTimeout(() => mongoose.connect(url, options), 50)
        isConnecting = true
        return found.exec()
      },
      findOne: async tag => {
        await model(tag).findOne({})
      },
      create: tag => model(tag).create({ n: 1 }),
      'findOne with exec': tag => model(tag).findOne({ n: 1 }).exec(),
      'cursor with for await': async tag => {
        for await (const _one of model(tag).find({}).cursor()) mark(tag)
      },
    },
    async () => {
      await mongoose.disconnect()
      close()
    },
  )
})
