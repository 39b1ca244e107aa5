-- Takes the paths of BENCH_PATHS in turn; prints one line of JSON.
local requests, at = {}, 0

function init()
  for path in string.gmatch(os.getenv('BENCH_PATHS') or '/', '%S+') do
    requests[#requests + 1] = wrk.format('GET', path)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('{"perSecond":%.1f,"failed":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.requests / summary.duration * 1e6, failed + summary.errors.status,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
