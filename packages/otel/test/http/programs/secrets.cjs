'use strict'
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) => response.end(request.url))
  const results = []
  for (const query of [
    'sig=s3cret',
    'a=1&Signature=s3cret&b=2',
    'X-Amz-Signature=s3cret&X-Amz-Credential=s3cret',
    'AWSAccessKeyId=s3cret',
    'q=plain',
  ])
    results.push(await ask(`${s.url}/secret?${query}`))
  for (const query of [
    'access_token=s3cret',
    'token=s3cret&x=1',
    'code=s3cret',
    'password=s3cret',
    'api_key=s3cret',
    'TOKEN=s3cret',
    'to%6ben=s3cret',
  ])
    results.push(await ask(`${s.url}/secret/more?${query}`))
  results.push(await ask(`http://user:s3cret@127.0.0.1:${s.port}/secret/userinfo`))
  for (const query of ['sig=s3cret', 'access_token=s3cret', 'q=plain']) {
    const response = await fetch(`${s.url}/secret/fetch?${query}`)
    results.push(await response.text())
  }
  await s.close()
  return results
}
