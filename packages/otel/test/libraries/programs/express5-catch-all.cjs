module.exports = require('./express-catch-all.cjs')(5)
