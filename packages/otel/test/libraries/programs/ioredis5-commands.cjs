module.exports = require('./ioredis-commands.cjs')(5)
