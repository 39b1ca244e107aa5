// What a span may say of a command to Redis, Valkey or memcached: the command and its keys, never a value. Upstream's table
// shows every argument of what begins with EVAL, S or Z: job payloads, members of sets, passwords of CLIENT and MIGRATE.
import { redactPersonal } from './personal.ts'
import { tally } from './tally.ts'
import { redactText } from './text.ts'

/** How many arguments are keys, fields or subcommands; commands that are not listed show none. */
const all = -1
const shown = new Map<string, number>()
for (const [count, names] of [
  [
    all,
    'DEL UNLINK EXISTS TOUCH EXPIRE PEXPIRE EXPIREAT PEXPIREAT EXPIRETIME TTL PTTL PERSIST TYPE DUMP RENAME RENAMENX COPY',
  ],
  [
    all,
    'MOVE OBJECT WATCH KEYS RANDOMKEY SELECT DBSIZE INFO TIME ROLE WAIT COMMAND CLUSTER LATENCY SCAN SSCAN HSCAN ZSCAN',
  ],
  [
    all,
    'GET MGET GETDEL GETEX STRLEN GETRANGE SUBSTR INCR DECR INCRBY DECRBY INCRBYFLOAT GETBIT SETBIT BITCOUNT BITOP BITPOS',
  ],
  [
    all,
    'HGET HMGET HGETALL HKEYS HVALS HLEN HEXISTS HDEL HSTRLEN HINCRBY HINCRBYFLOAT HRANDFIELD HEXPIRE HTTL HPERSIST',
  ],
  [all, 'LLEN LINDEX LRANGE LTRIM LPOP RPOP RPOPLPUSH LMOVE LMPOP BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP'],
  [all, 'SMEMBERS SCARD SPOP SRANDMEMBER SDIFF SDIFFSTORE SINTER SINTERCARD SINTERSTORE SUNION SUNIONSTORE'],
  [
    all,
    'ZCARD ZCOUNT ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGESTORE ZREMRANGEBYRANK ZREMRANGEBYSCORE ZPOPMIN',
  ],
  [
    all,
    'ZPOPMAX BZPOPMIN BZPOPMAX ZMPOP BZMPOP ZRANDMEMBER ZDIFF ZDIFFSTORE ZINTER ZINTERCARD ZINTERSTORE ZUNION ZUNIONSTORE',
  ],
  [
    all,
    'XLEN XRANGE XREVRANGE XREAD XREADGROUP XACK XDEL XTRIM XINFO XPENDING XCLAIM XAUTOCLAIM XGROUP PFCOUNT PFMERGE',
  ],
  [
    all,
    'SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE PUBSUB MULTI EXEC DISCARD UNWATCH QUIT GETS',
  ],
  [
    all,
    'FLUSHALL FLUSHDB SAVE BGSAVE LASTSAVE READONLY READWRITE ASKING RESET SHUTDOWN DELETE CONNECT GEOHASH',
  ],
  [2, 'HSET HMSET HSETNX LSET LINSERT'],
  [
    1,
    'SET SETNX SETEX PSETEX SETRANGE GETSET MSET MSETNX APPEND LPUSH LPUSHX RPUSH RPUSHX LREM LPOS SADD SREM SMOVE',
  ],
  [
    1,
    'SISMEMBER SMISMEMBER ZADD ZINCRBY ZREM ZSCORE ZMSCORE ZRANK ZREVRANK ZLEXCOUNT ZRANGEBYLEX ZREVRANGEBYLEX',
  ],
  [
    1,
    'ZREMRANGEBYLEX XADD XSETID PFADD PUBLISH SPUBLISH GEOADD GEODIST GEOPOS GEORADIUS GEOSEARCH RESTORE SORT BITFIELD',
  ],
  [1, 'CONFIG ACL CLIENT SCRIPT FUNCTION HELLO MEMORY MODULE SLOWLOG ADD REPLACE PREPEND CAS'],
] as const)
  for (const name of names.split(' ')) shown.set(name, count)

/** Their arguments: a script, its sha or a function's name; the number of keys; the keys; the payload. */
const scripts = new Set(['EVAL', 'EVALSHA', 'EVAL_RO', 'EVALSHA_RO', 'FCALL', 'FCALL_RO'])
const script = '[script]'
const maxArgumentLength = 256
const maxShown = 128
const others = /^\[(?:\d+ )?other arguments\]$/

/**
 * @example
 * printCommand('set', ['user:1', 's3cret']) // 'set user:1 [1 other arguments]'
 * printCommand('evalsha', ['6b1bf4', 1, 'bull:mail', 's3cret']) // 'evalsha 6b1bf4 1 bull:mail [1 other arguments]'
 */
export function printCommand(name: string, args: unknown): string {
  if (!Array.isArray(args) || args.length === 0) return name
  const upper = name.toUpperCase()
  const count = Math.min(countShown(upper, args), maxShown)
  let text = name
  for (let i = 0; i < count && i < args.length; i++)
    text += ` ${i === 0 && upper.startsWith('EVAL') && !upper.startsWith('EVALSHA') ? script : printArgument(args[i])}`
  if (args.length <= count) return text
  tally.argument++
  return `${text} [${args.length - count} other arguments]`
}

function countShown(upper: string, args: readonly unknown[]): number {
  if (scripts.has(upper)) {
    const keys = Number(args[1])
    return Number.isInteger(keys) && keys >= 0 ? 2 + keys : Math.min(args.length, 1)
  }
  // JSON.SET, TS.ADD, BF.ADD: the key comes first in a module's commands, but for those that search.
  const count = shown.get(upper) ?? (/^(?:JSON|TS|BF|CF|CMS|TOPK|TDIGEST|VSET)\./.test(upper) ? 1 : 0)
  return count === all ? args.length : count
}

function printArgument(value: unknown): string {
  let text: string
  if (typeof value === 'string') text = value
  else if (value instanceof Uint8Array)
    text = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, maxArgumentLength)).toString()
  else if (Array.isArray(value)) text = value.slice(0, maxShown).map(printArgument).join(',')
  else if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    text = `${value}`
  else text = '?'
  if (text.length > maxArgumentLength) text = text.slice(0, maxArgumentLength)
  return redactText(redactPersonal(text))
}

/**
 * The same for a command that somebody else printed.
 *
 * @example
 * redactCommandText('HSET user:1 password hunter2') // 'HSET user:1 password [1 other arguments]'
 */
export function redactCommandText(text: string): string {
  const end = text.search(/[\r\n]/)
  const line = end === -1 ? text : text.slice(0, end)
  const words = line.slice(0, 8192).split(' ')
  const [name = '', ...args] = words
  const isScript = scripts.has(name.toUpperCase())
  // A script has spaces: where it ends cannot be told.
  if (isScript && !/SHA|FCALL/i.test(name) && args[0] !== script) return args.length === 0 ? name : hide(name)
  const upper = name.toUpperCase()
  const count = Math.min(countShown(upper, args), maxShown)
  const tail = args.slice(count).join(' ')
  const head = [name, ...args.slice(0, count).map(arg => (arg === script ? arg : printArgument(arg)))].join(
    ' ',
  )
  if (others.test(tail)) return `${head} ${tail}`
  if (tail !== '' || end !== -1 || line.length > 8192) return hide(head)
  return head
}

function hide(head: string): string {
  tally.argument++
  return `${head} [other arguments]`
}
