module.exports = require('./express-errors.cjs')(5)
