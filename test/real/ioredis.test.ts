// Our ioredis spans beside upstream's, on every Node, with a real Redis.
import { compareWithUpstream } from '../../packages/otel/test/libraries/differential.ts'
import { programs } from '../../packages/otel/test/libraries/run.ts'
import { startRedis } from './parts/start.ts'

const env: Record<string, string> = {}
let redis: Awaited<ReturnType<typeof startRedis>>
beforeAll(async () => {
  redis = await startRedis()
  env.TEST_REDIS_PORT = new URL(redis.url).port
}, 120_000)
afterAll(() => redis?.stop())

compareWithUpstream(
  programs.filter(name => name.startsWith('ioredis')),
  env,
  [],
)
