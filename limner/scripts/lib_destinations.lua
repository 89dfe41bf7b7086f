-- Destinations: what receivers at one place share, so that a bad one holds up nobody else. Needs
-- lib_base and lib_outbox.
--
--   dest:<d>                      HASH  fails (in a row), open_until, opens (breaker), ok (ms of the
--                                       last 2xx), pace (usual ms of an answer)
--   flights:<d>                   ZSET  jobs being posted there → lease until, ms
--   parked:<d>                    ZSET  jobs that wait for a place there → since, ms
--   parked                        ZSET  the same jobs, of all destinations
--   parkedat                      SET   destinations with parked jobs
--   opens                         ZSET  destinations with an open breaker → until, ms
--   probation:<poster>            ZSET  jobs in the poster's probation places → lease until, ms
--   probation:<poster>:<client>   ZSET  those of one client
--   lobby                         ZSET  clients whose destinations wait for probation → turn
--   lobby:<client>                ZSET  those destinations → since, ms
--   turns                         STR   counts the lobby's turns
-- Proven: a 2xx in the last 10 minutes, not two failures in a row, answers within 2 s. All others
-- share a quarter of each poster's threads: the probation places.

local PROVEN_MS = 10 * 60 * 1000
local SLOW_MS = 2000
local NOTED_MS = 1000
local BREAKER_FAILS = 5
local OPEN_MS, OPEN_MAX_MS = 10 * 1000, 5 * 60 * 1000
local DEST_KEPT_MS = 30 * 86400 * 1000

local function condition(dest)
    local v = redis.call('HMGET', key('dest', dest), 'fails', 'open_until', 'ok', 'pace')
    local c = {fails = number(v[1]), open_until = number(v[2]), ok = number(v[3]), pace = number(v[4])}
    local lively = c.fails < 2 and NOW - c.ok <= PROVEN_MS
    c.proven = lively and c.pace <= SLOW_MS
    c.open = c.open_until > NOW
    c.cap = (c.proven and CAP) or (lively and math.min(2, CAP)) or 1
    return c
end

local function busy(zset)
    redis.call('ZREMRANGEBYSCORE', zset, '-inf', ms(NOW))
    return redis.call('ZCARD', zset)
end

local function client_share()
    return math.max(1, math.floor(PLACES / 2))
end

local function has_place(client)
    return busy(key('probation', POSTER)) < PLACES
        and busy(key('probation', POSTER, client)) < client_share()
end

-- Note that the poster holds a job for this destination until `till`.
local function hold(id, dest, client, till, proven)
    local sets = {key('flights', dest)}
    if not proven then
        sets[2], sets[3] = key('probation', POSTER), key('probation', POSTER, client)
    end
    for _, set in ipairs(sets) do
        redis.call('ZADD', set, ms(till), id)
        redis.call('PEXPIREAT', set, ms(till + 60000))
    end
end

local function enter_lobby(dest, client)
    redis.call('ZADD', key('lobby', client), 'NX', ms(NOW), dest)
    redis.call('ZADD', key('lobby'), 'NX', number(redis.call('GET', key('turns'))), client)
end

local function park(id, dest, client, since)
    redis.call('ZADD', key('parked', dest), ms(since), id)
    redis.call('ZADD', key('parked'), ms(since), id)
    redis.call('SADD', key('parkedat'), dest)
    redis.call('HSET', key('out', id), 'parked', dest)
    redis.call('ZREM', key('due'), id)
end

local function unpark_one(id, dest)
    redis.call('ZREM', key('parked', dest), id)
    redis.call('ZREM', key('parked'), id)
    redis.call('HDEL', key('out', id), 'parked')
    if redis.call('EXISTS', key('parked', dest)) == 0 then
        redis.call('SREM', key('parkedat'), dest)
    end
    wake(id)
end

local function unpark(dest, count)
    if count < 1 then return 0 end
    local ids = redis.call('ZRANGE', key('parked', dest), 0, count - 1)
    for _, id in ipairs(ids) do unpark_one(id, dest) end
    return #ids
end

-- Let `count` jobs out of the lobby: clients take turns, and so do the destinations of each.
local function serve_lobby(count)
    if count < 1 then return end
    for _, client in ipairs(redis.call('ZRANGE', key('lobby'), 0, 19)) do
        local waits = key('lobby', client)
        while has_place(client) do
            local dest = redis.call('ZPOPMIN', waits)[1]
            if not dest then break end
            if not condition(dest).open and unpark(dest, 1) == 1 then
                count = count - 1
                redis.call('ZADD', key('lobby'), redis.call('INCR', key('turns')), client)
                break
            end
        end
        if redis.call('EXISTS', waits) == 0 then redis.call('ZREM', key('lobby'), client) end
        if count < 1 then return end
    end
end

-- Let in who waits for this destination, as far as there are places.
local function refill(dest, client)
    local c = condition(dest)
    if c.open or redis.call('EXISTS', key('parked', dest)) == 0 then return end
    local free = c.cap - busy(key('flights', dest))
    if free < 1 then return end
    if c.proven then unpark(dest, free) else enter_lobby(dest, client) end
end

-- Learn from one answer. `health`: ok, bad or none; returns true when the breaker opens.
local function learn(dest, health, pace)
    local state = key('dest', dest)
    local opened = false
    if health == 'ok' then
        local was = condition(dest)
        -- A receiver that does well is noted once in a while, not at every answer.
        if was.proven and was.fails == 0 and NOW - was.ok < NOTED_MS and pace <= SLOW_MS / 2 then
            return false
        end
        local usual = was.pace == 0 and pace or math.floor(was.pace * 0.7 + pace * 0.3)
        redis.call('HSET', state, 'fails', 0, 'opens', 0, 'open_until', 0, 'ok', ms(NOW), 'pace', usual)
        redis.call('ZREM', key('opens'), dest)
    elseif health == 'bad' then
        local fails = redis.call('HINCRBY', state, 'fails', 1)
        if fails >= BREAKER_FAILS and number(redis.call('HGET', state, 'open_until')) <= NOW then
            local opens = redis.call('HINCRBY', state, 'opens', 1)
            local till = NOW + math.min(OPEN_MS * 2 ^ math.min(opens - 1, 10), OPEN_MAX_MS)
            redis.call('HSET', state, 'open_until', ms(till))
            redis.call('ZADD', key('opens'), ms(till), dest)
            opened = true
        end
    end
    redis.call('PEXPIRE', state, DEST_KEPT_MS)
    return opened
end
