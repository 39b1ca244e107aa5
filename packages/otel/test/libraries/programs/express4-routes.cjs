module.exports = require('./express-routes.cjs')(4)
