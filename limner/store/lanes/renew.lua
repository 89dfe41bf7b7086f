-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes
-- A worker's heartbeat: renew it, its holds and its leases. What of these is lost comes back with it.
--
-- ARGV 8 worker id · 9 lane · 10 its engines, separated by spaces · 11 … job id, token, …
-- Returns the ids that another worker owns now.
--
-- Reads: job workers
-- Writes: holds leases slots worker workers

-- If the lanes are looked at only rarely, that must not seem like constant outages.
was_away()
local worker, lane = ARGV[8], ARGV[9]
redis.call('HSET', key('worker', worker), 'lane', lane, 'engines', ARGV[10])
redis.call('PEXPIRE', key('worker', worker), ms(LEASE_MS * 2))
engines_are_back(ARGV[10])
redis.call('ZADD', key('workers', lane), ms(NOW + LEASE_MS), worker)
redis.call('ZREMRANGEBYSCORE', key('workers', lane), '-inf', ms(NOW - LEASE_MS))
keep_within(key('workers', lane), LEASE_MS)
local stale = {}
for i = 11, #ARGV, 2 do
    local id, token = ARGV[i], ARGV[i + 1]
    local status, owner, engine, of_lane, freed =
        unpack(redis.call('HMGET', job_key(id), 'status', 'token', 'engine', 'lane', 'freed'))
    if owner ~= token then
        stale[#stale + 1] = id
    elseif status == 'waiting' then
        redis.call('ZADD', key('holds'), ms(NOW + LEASE_MS), id)
    else
        redis.call('ZADD', key('leases'), ms(NOW + LEASE_MS), id)
        -- Nearly always it is there.
        if engine and not freed then redis.call('SADD', key('slots', engine, of_lane), id) end
    end
end
return stale
