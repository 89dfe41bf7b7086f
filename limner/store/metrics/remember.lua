-- uses: base
-- Note how the lanes are, once in each minute of the server's clock, for the lines of the last hour that operators see.
--
--   history:<lane>  LIST  newest first, each "<when, ms> <waiting> <age of the oldest, ms> <starts, ever>"
--
-- ARGV 3 … lanes
-- Returns 1, or 0: this minute was noted before.
--
-- Reads: history job numbers waiting
-- Writes: history

local EVERY_MS, KEPT = 60000, 120

local function minute(at)
    return math.floor(at / EVERY_MS)
end

-- When a lane was noted last. What a clock that was set back has put into the future is forgotten.
local function noted(lane)
    while true do
        local at = tonumber(string.match(redis.call('LINDEX', key('history', lane), 0) or '0', '^%d+'))
        if at <= NOW then return at end
        redis.call('LPOP', key('history', lane))
    end
end

local function oldest_ms(lane)
    local id = redis.call('ZRANGE', key('waiting', lane), 0, 0)[1]
    local created = id and tonumber(redis.call('HGET', job_key(id), 'created_ms') or '')
    return created and math.max(0, NOW - created) or 0
end

-- How many jobs of a lane were ever given a slot: each was counted by how long it had waited.
local function starts(lane)
    local fields = {'waited|' .. lane .. '|inf'}
    for _, upper in ipairs(BOUNDS_MS) do fields[#fields + 1] = 'waited|' .. lane .. '|' .. ms(upper) end
    local sum = 0
    for _, times in ipairs(redis.call('HMGET', key('numbers'), unpack(fields))) do
        sum = sum + (tonumber(times or '0') or 0)
    end
    return sum
end

local new = 0
for i = 3, #ARGV do
    local lane = ARGV[i]
    if minute(noted(lane)) < minute(NOW) then
        local waiting = redis.call('ZCARD', key('waiting', lane))
        local line = {ms(NOW), ms(waiting), ms(oldest_ms(lane)), ms(starts(lane))}
        redis.call('LPUSH', key('history', lane), table.concat(line, ' '))
        redis.call('LTRIM', key('history', lane), 0, KEPT - 1)
        new = 1
    end
end
return new
