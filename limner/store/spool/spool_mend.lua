-- uses: base domain spool
-- Continue to recalculate one client's spool, to find what ended or vanished unnoticed (a script of an older
-- release, a job deleted by hand, a lost sum). A client may have 100,000 entries, so each call handles some
-- and leaves the rest to the next one, from any process.
--
-- ARGV 3 client · 4 about how many entries to look at · 5 ms to remember how far it came
-- Returns {1 when all were looked at, how many entries and sums were wrong}
--
-- Reads: job reckoned spent spool
-- Writes: reckoned spent spool spooled

local client, wrong = ARGV[3], 0
local reckoned = key('reckoned', client)
local cursor = redis.call('HGET', reckoned, 'cursor') or '0'
local found = redis.call('HSCAN', key('spool', client), cursor, 'COUNT', ARGV[4])
local flat = found[2]
for i = 1, #flat, 2 do
    local id, bytes = flat[i], tonumber(string.match(flat[i + 1], '^(%d+) ') or '')
    local status = redis.call('HGET', job_key(id), 'status')
    if not bytes then
        -- Not one of our entries: it cannot be interpreted.
        redis.call('HDEL', key('spool', client), id)
        wrong = wrong + 1
    elseif not status or ENDED[status] then
        wrong = wrong + spend_spooled(client, id)
    elseif redis.call('ZREM', key('spent', client), id) == 1 then
        add_spooled('spent', client, id, -bytes)
        add_spooled('live', client, id, bytes)
        wrong = wrong + 1
    end
    -- HSCAN may show an entry twice.
    if bytes and redis.call('HSETNX', reckoned, id, '') == 1 then
        local kind = redis.call('ZSCORE', key('spent', client), id) and 'spent' or 'live'
        redis.call('HINCRBY', reckoned, kind, ms(bytes))
    end
end
if found[1] ~= '0' then
    redis.call('HSET', reckoned, 'cursor', found[1])
    redis.call('PEXPIRE', reckoned, ARGV[5])
    return {0, wrong}
end
for _, kind in ipairs({'live', 'spent'}) do
    local sum = tonumber(redis.call('HGET', reckoned, kind) or '0')
    if spooled(kind, client) ~= sum then
        redis.call('HDEL', key('spooled'), kind .. '|' .. client)
        if sum > 0 then redis.call('HSET', key('spooled'), kind .. '|' .. client, ms(sum)) end
        wrong = wrong + 1
    end
end
redis.call('UNLINK', reckoned)
return {1, wrong}
