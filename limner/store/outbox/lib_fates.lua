-- Fates: the state of each client's receivers. A receiver that fails one client says nothing about others
-- behind the same host, so each client and destination has a fate of its own. Needs lib_base and
-- lib_outbox. A fate's name <f> is "<client> <destination>".
--
--   fate:<f>                      HASH  fails (in a row), open_until, opens (breaker), ok (ms of the
--                                       last 2xx), pace (usual ms of an answer)
--   fates:<client>                ZSET  the client's fates → last learnt of, ms
--   fates                         ZSET  those of all clients
--   opens                         ZSET  fates with an open breaker → until, ms
--   host:<destination>            HASH  fails (in a row, of all clients together), tried (ms of the
--                                       last try by a fate that is not proven)
-- Proven: a 2xx in the last 10 minutes, not two failures in a row, answers within 2 s.
--
-- Reads: fate fates host
-- Writes: fate fates host opens

local PROVEN_MS = 10 * 60 * 1000
local SLOW_MS = 2000
local NOTED_MS = 1000
local BREAKER_FAILS = 5
local OPEN_MS, OPEN_MAX_MS = 10 * 1000, 5 * 60 * 1000
-- After this many attempts that a host answered to nobody, it is tried only this often, for all clients.
local SICK_FAILS, SICK_GAP_MS = BREAKER_FAILS, 1000
-- Callers choose the hosts, so what is stored about them is limited, by client first.
local FATES_OF_CLIENT, FATES_OF_ALL = 1000, 50000
local FATE_KEPT_MS = 86400 * 1000
-- Longer than any breaker is open: as long as there is something to deliver, it is tried more often.
local HOST_KEPT_MS = 3600 * 1000

local function condition(client, dest)
    local c = {client = client, dest = dest, name = client .. ' ' .. dest}
    local v = redis.call('HMGET', key('fate', c.name), 'fails', 'open_until', 'ok', 'pace')
    c.fails, c.pace = number(v[1]), number(v[4])
    c.open_until = within(key('fate', c.name), 'open_until', v[2], OPEN_MAX_MS)
    c.ok = within(key('fate', c.name), 'ok', v[3], 0)
    c.lively = c.fails < 2 and NOW - c.ok <= PROVEN_MS
    c.proven = c.lively and c.pace <= SLOW_MS
    c.open = c.open_until > NOW
    return c
end

-- The fate of that name; nil: from an older release, in which a host had one fate for all clients.
local function condition_named(name)
    local client, dest = string.match(name, '^(%S+) (%S+)$')
    return client and condition(client, dest)
end

-- When the host may be tried again by a fate that is not proven, ms; 0: it is not sick.
local function sick_until(dest)
    local v = redis.call('HMGET', key('host', dest), 'fails', 'tried')
    local tried = within(key('host', dest), 'tried', v[2], 0)
    return number(v[1]) >= SICK_FAILS and tried + SICK_GAP_MS or 0
end

local function forget(name)
    -- Not the host, which is shared by all clients: it expires by itself.
    local client = string.match(name, '^%S+')
    redis.call('DEL', key('fate', name))
    redis.call('ZREM', key('opens'), name)
    redis.call('ZREM', key('fates', client), name)
    redis.call('ZREM', key('fates'), name)
end

-- Note that something was learnt about a fate, and forget those with no news for longest.
local function remember(fate)
    local kept = {{key('fates', fate.client), FATES_OF_CLIENT}, {key('fates'), FATES_OF_ALL}}
    redis.call('PEXPIRE', key('fate', fate.name), FATE_KEPT_MS)
    redis.call('PEXPIRE', key('host', fate.dest), HOST_KEPT_MS)
    for _, one in ipairs(kept) do
        local set, most = one[1], one[2]
        keep_within(set, 0)
        redis.call('ZADD', set, ms(NOW), fate.name)
        redis.call('ZREMRANGEBYSCORE', set, '-inf', ms(NOW - FATE_KEPT_MS))
        redis.call('PEXPIRE', set, FATE_KEPT_MS)
        local over = redis.call('ZCARD', set) - most
        if over > 0 then
            for _, name in ipairs(redis.call('ZRANGE', set, 0, over - 1)) do forget(name) end
        end
    end
end

-- Learn from one answer. `health`: ok, bad or none; returns true when the breaker opens.
local function learn(was, health, pace)
    local state, host = key('fate', was.name), key('host', was.dest)
    local opened = false
    if health == 'none' then return false end
    if health == 'ok' then
        -- A healthy receiver is noted once in a while, not at every response.
        if was.proven and was.fails == 0 and NOW - was.ok < NOTED_MS and pace <= SLOW_MS / 2 then
            return false
        end
        local usual = was.pace == 0 and pace or math.floor(was.pace * 0.7 + pace * 0.3)
        redis.call('HSET', state, 'fails', 0, 'opens', 0, 'open_until', 0, 'ok', ms(NOW), 'pace', usual)
        redis.call('ZREM', key('opens'), was.name)
        redis.call('DEL', host)
    else
        local fails = redis.call('HINCRBY', state, 'fails', 1)
        redis.call('HINCRBY', host, 'fails', 1)
        if fails >= BREAKER_FAILS and not was.open then
            local opens = redis.call('HINCRBY', state, 'opens', 1)
            local till = NOW + math.min(OPEN_MS * 2 ^ math.min(opens - 1, 10), OPEN_MAX_MS)
            redis.call('HSET', state, 'open_until', ms(till))
            redis.call('ZADD', key('opens'), ms(till), was.name)
            opened = true
        end
    end
    remember(was)
    return opened
end
