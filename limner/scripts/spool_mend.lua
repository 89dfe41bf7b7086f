-- uses: base spool
-- Reckon one client's spool anew: what ended or vanished unseen (a script of an older version, a job
-- deleted by hand, a lost sum) is found here.
--
-- ARGV 3 client
-- Returns how many entries and sums were wrong.

local client, mended = ARGV[3], 0
local sums = {live = 0, spent = 0}
local flat = redis.call('HGETALL', key('spool', client))
for i = 1, #flat, 2 do
    local id, bytes = flat[i], tonumber(string.match(flat[i + 1], '^%d+'))
    local status = redis.call('HGET', job_key(id), 'status')
    local ended = not status or status == 'done' or status == 'failed'
    local changed = ended and redis.call('ZADD', key('spent', client), 'NX', ms(NOW), id)
        or not ended and redis.call('ZREM', key('spent', client), id)
    mended = mended + changed
    local kind = ended and 'spent' or 'live'
    sums[kind] = sums[kind] + bytes
end
for _, id in ipairs(redis.call('ZRANGE', key('spent', client), 0, -1)) do
    if redis.call('HEXISTS', key('spool', client), id) == 0 then
        redis.call('ZREM', key('spent', client), id)
        mended = mended + 1
    end
end
for kind, sum in pairs(sums) do
    if spooled(kind, client) ~= sum then
        redis.call('HDEL', key('spooled'), kind .. '|' .. client)
        if sum > 0 then add_spooled(kind, client, sum) end
        mended = mended + 1
    end
end
return mended
