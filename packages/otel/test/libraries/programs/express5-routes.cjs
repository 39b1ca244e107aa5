module.exports = require('./express-routes.cjs')(5)
