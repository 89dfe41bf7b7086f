-- uses: base
-- Store a problem that one process found, until it is withdrawn or expires.
--
-- ARGV 3 code · 4 subject · 5 text ('' withdraws) · 6 how long it holds, ms
-- Returns 1 if it is new (or, when withdrawn, existed), else 0.
--
-- Reads: reports
-- Writes: report reports

-- Each code has a limit of its own, so that many reports of one kind do not keep out another.
local OF_A_CODE_MAX, REPORTS_MAX = 64, 1024

local function is_full(code)
    local names = redis.call('ZRANGE', key('reports'), 0, -1)
    local same = 0
    for _, name in ipairs(names) do
        if string.sub(name, 1, #code + 1) == code .. '|' then same = same + 1 end
    end
    return same >= OF_A_CODE_MAX or #names >= REPORTS_MAX
end
-- No report is kept longer unless it is repeated.
local KEPT_MAX_MS = 3600000

local name = ARGV[3] .. '|' .. ARGV[4]
keep_within(key('reports'), KEPT_MAX_MS)
for _, lapsed in ipairs(redis.call('ZRANGEBYSCORE', key('reports'), '-inf', ms(NOW))) do
    redis.call('ZREM', key('reports'), lapsed)
    redis.call('HDEL', key('report'), lapsed)
end
if ARGV[5] == '' then
    redis.call('HDEL', key('report'), name)
    return redis.call('ZREM', key('reports'), name)
end
local known = redis.call('ZSCORE', key('reports'), name)
if not known and is_full(ARGV[3]) then return 0 end
redis.call('ZADD', key('reports'), ms(NOW + math.min(tonumber(ARGV[6]), KEPT_MAX_MS)), name)
redis.call('HSET', key('report'), name, ARGV[5])
return known and 0 or 1
