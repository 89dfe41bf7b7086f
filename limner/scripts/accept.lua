-- uses: base
-- Accept one job: its record, its indexes, its place in the lane and its message, or nothing at all.
--
-- ARGV 3 job id · 4 client · 5 lane · 6 tag key · 7 message · 8 most waiting jobs of this client
--      9 idempotency key ("" = none) · 10 hash of the body · 11 ms to remember the key
--      12 … field, value, … of the record
-- Returns {"accepted", position from 1, ms} · {"again", job id} · {"conflict"} · {"full"}

local id, client, lane, tag, message = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local cap, idem, body_hash, idem_ms = tonumber(ARGV[8]), ARGV[9], ARGV[10], ARGV[11]

if idem ~= '' then
    local seen = redis.call('GET', key('idem', client, idem))
    if seen then
        local hash, first = string.match(seen, '^(%S+) (%S+)$')
        if hash ~= body_hash then return {'conflict'} end
        return {'again', first}
    end
end
-- The connection broke after an earlier run of this very call, and redis-py made it again.
if redis.call('EXISTS', job_key(id)) == 1 then return {'again', id} end
if redis.call('SCARD', key('waits', client)) >= cap then return {'full'} end

local record = {'status', 'waiting', 'progress', '0', 'seq', '0', 'created_ms', ms(NOW)}
for i = 12, #ARGV do record[#record + 1] = ARGV[i] end
local place = redis.call('INCR', key('places', lane))
record[#record + 1] = 'place'
record[#record + 1] = ms(place)
redis.call('HSET', job_key(id), unpack(record))
redis.call('ZADD', key('tag', client, tag), ms(NOW), id)
redis.call('ZADD', key('jobs', client), ms(NOW), id)
redis.call('SADD', key('waits', client), id)
redis.call('ZADD', key('waiting', lane), ms(place), id)
if idem ~= '' then
    redis.call('SET', key('idem', client, idem), body_hash .. ' ' .. id, 'PX', idem_ms)
end
-- The broker's list: kombu pushes at the left and workers pop at the right.
redis.call('LPUSH', lane, message)
return {'accepted', redis.call('ZRANK', key('waiting', lane), id) + 1, ms(NOW)}
