// The NestJS recipe of docs/kafka.md, in a real process.
import { modes } from './support/drivers.ts'
import { caseNames, removeBundles, runApp } from './support/process.ts'

afterAll(removeBundles)

test.each(modes)(
  'NestJS microservices by %s keep events, requests and replies in one trace',
  async mode => {
    expect(await runApp('nest.mjs', mode)).toEqual(caseNames('nest.mjs').map(name => ({ name })))
  },
  50_000,
)
