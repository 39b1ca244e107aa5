// Every console method inside and outside a request; what it prints is the test's business.
const http = require('node:http')

function speak() {
  console.log('plain')
  console.info('100%s')
  console.warn('%s is %d%%', 'a', 5)
  console.error(new RangeError('too far').message, { deep: { er: [1, 2] } })
  console.debug()
  console.log('%o', 'quoted')
  console.table([{ a: 1 }])
  console.group('group')
  console.log('inside')
  console.groupEnd()
  console.log({
    [Symbol.for('nodejs.util.inspect.custom')]() {
      console.log('from inspect')
      return 'custom'
    },
  })
  const names = Object.keys(console)
    .slice(0, 5)
    .map(name => `${name}:${console[name].name}:${console[name].length}`)
  console.log(names.join(' '))
}

if (process.argv[2] === 'outside') speak()
else {
  const server = http.createServer((_request, response) => {
    speak()
    response.end('ok')
  })
  server.listen(0, '127.0.0.1', () => process.stderr.write(`listening ${server.address().port}\n`))
}
