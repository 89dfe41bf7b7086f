-- uses: base posting outbox fates destinations handing
-- Find what is due, and repair what a killed poster left behind. Any poster may call it at any time.
--
-- ARGV 3-7 as in lib_posting
-- Returns {jobs hinted, ms until the next one is due (-1: none), jobs parked}
--
-- Reads: dead due opens out parked parkedat probation rests wake
-- Writes: dead opens parked probation rests

local HINTS, FATES, AGED = 200, 20, 50

heed_clock()
-- Noticed here, a new epoch is usually known before jobs are accepted in it, so their seqs skip nothing.
epoch()

-- 1. What is due, as far as the list of hints has room.
local room = math.min(HINTS, WAKES_KEPT - redis.call('LLEN', key('wake')))
local hinted = {}
if room > 0 then
    hinted = redis.call('ZRANGEBYSCORE', key('due'), '-inf', ms(NOW), 'LIMIT', 0, room)
    for _, id in ipairs(hinted) do wake(id) end
end

-- 2. Breakers whose time is over let one job through, the one that has waited longest.
keep_within(key('opens'), OPEN_MAX_MS)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('opens'), '-inf', ms(NOW), 'LIMIT', 0, FATES)) do
    redis.call('ZREM', key('opens'), name)
    local fate = condition_named(name)
    if fate then admit(fate) end
end

-- 3. So do sick hosts, one client after the other.
keep_within(key('rests'), SICK_GAP_MS)
for _, dest in ipairs(redis.call('ZRANGEBYSCORE', key('rests'), '-inf', ms(NOW), 'LIMIT', 0, FATES)) do
    redis.call('ZREM', key('rests'), dest)
    serve_host(dest, 1)
end

-- 4. Places that nobody gave back: their leases have ended, and those who wait for them are let in.
for _, name in ipairs(redis.call('SRANDMEMBER', key('parkedat'), FATES)) do
    local fate = condition_named(name)
    if fate then
        refill(fate)
        serve_host(fate.dest, CAP)
    else
        -- Parked by a release that had one fate for a whole host.
        for _, id in ipairs(redis.call('ZRANGE', key('parked', name), 0, AGED - 1)) do
            unpark_one(id, name)
        end
    end
end
serve_lobby(PLACES - busy(key('probation', POSTER)))

-- 5. Parked for longer than any event may wait: `take` gives up what is too old.
keep_within(key('parked'), 0)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('parked'), '-inf', ms(NOW - AGE_MAX_MS), 'LIMIT', 0, AGED)) do
    unpark_one(id, redis.call('HGET', key('out', id), 'parked') or '')
end

keep_within(key('dead'), 0)
redis.call('ZREMRANGEBYSCORE', key('dead'), '-inf', ms(NOW - KEPT_MS))
local soonest = redis.call('ZRANGE', key('due'), 0, 0, 'WITHSCORES')[2]
return {#hinted, soonest and math.max(0, number(soonest) - NOW) or -1, redis.call('ZCARD', key('parked'))}
