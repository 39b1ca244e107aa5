// Koa with its router: prefixes, nested routers, two routes for one path, and what answers before and after them.
const Router = require('@koa/router')
const Koa = require('koa')

const app = new Koa()
app.silent = true
app.use(async (ctx, next) => {
  await next()
  // The routes prepared it; this one answers.
  if (ctx.state.body !== undefined) ctx.body = ctx.state.body
})
const router = new Router()
const prepare = async (ctx, next) => {
  ctx.state.body = ctx.path
  await next()
}
router.get('/orders/:id', prepare)
router.get('/several/:first', prepare)
router.get('/several/:second', prepare)
router.get('/fails/:id', () => {
  throw new Error('failed')
})
const inner = new Router()
inner.get('/items/:item', prepare)
router.use('/nested/:user', inner.routes())
app.use(router.routes()).use(router.allowedMethods())
const api = new Router({ prefix: '/api' })
api.get('/orders/:id', async ctx => {
  ctx.body = ctx.path
})
app.use(api.routes())

const server = app.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
