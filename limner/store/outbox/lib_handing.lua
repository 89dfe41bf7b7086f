-- Handing a job's next event to a poster, and closing its outbox. Needs all the libraries before it.
--
-- Reads: due out outq recheck resend ticked
-- Writes: dead due log out outq recheck resend ticked

-- Progress from an earlier epoch that was never handed out is dropped: other progress may have taken its
-- place, seq and id meanwhile.
local function drop_stale(id)
    local text = redis.call('LINDEX', key('outq', id), 0)
    local event = text and cjson.decode(text)
    if not event or event.c ~= 'P' or not event.e or event.e == epoch() then return text end
    if event.s <= number(redis.call('HGET', key('out', id), 'sent')) then return text end
    redis.call('LPOP', key('outq', id))
    skip(id, event.s, event.s)
    new_head(id)
    return redis.call('LINDEX', key('outq', id), 0)
end

-- Return the text of the event to post next, and whether it is a resent one.
local function head(id)
    local text = drop_stale(id)
    if text then return text, false end
    return redis.call('LINDEX', key('resend', id), 0), true
end

-- Give up events that are too old, however often they were tried.
local function expire(id)
    while true do
        local text = redis.call('LINDEX', key('outq', id), 0)
        if not text then return end
        local event = cjson.decode(text)
        if event.t > NOW then
            event.t = NOW
            redis.call('LSET', key('outq', id), 0, cjson.encode(event))
        end
        if event.t + AGE_MAX_MS > NOW then return end
        bury(id, text, 'expired')
        redis.call('LPOP', key('outq', id))
        new_head(id)
    end
end

-- Lease the job to `token` and hand out this event; returns the event and its attempts so far.
local function hand_over(id, token, text, resent)
    local state, seq = key('out', id), cjson.decode(text).s
    redis.call('HSET', state, 'token', token, 'until', ms(NOW + LEASE_MS),
        'flying', resent and seq .. 'r' or seq)
    if not resent then redis.call('HSET', state, 'sent', seq) end
    redis.call('ZADD', key('due'), ms(NOW + LEASE_MS), id)
    return text, number(redis.call('HGET', state, resent and 'retried' or 'tried'))
end

-- Until when a poster has the job.
local function held_until(id, till)
    return within(key('out', id), 'until', till, LEASE_MS)
end

local JOLT_MS = 2000
local RECHECKED, RENEWED = 200, 1000

-- Move a job in `due` to no later than necessary.
local function recheck(id, score)
    local out = redis.call('HMGET', key('out', id), 'until', 'rests', 'rest_ms', 'not_before')
    local at = math.max(NOW, held_until(id, out[1]), (rests_until(id, out[2], out[3], out[4])))
    if number(score) > at then redis.call('ZADD', key('due'), 'XX', ms(at), id) end
end

-- Make sure that a clock that was set does no harm; called before anything is looked for.
--
-- Set forward, or nobody looked for a while: leases that held then are renewed, once each, or other posters
-- would also post what running posters have in hand. Set back: `due` is walked through, some jobs with each
-- call.
local function heed_clock()
    local ticked = number(redis.call('GET', key('ticked')))
    redis.call('SET', key('ticked'), ms(NOW))
    if ticked > 0 and NOW - ticked > LEASE_MS / 2 then
        local first, last = ms(ticked), ms(ticked + LEASE_MS)
        for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('due'), first, last, 'LIMIT', 0, RENEWED)) do
            local token, till, spared = unpack(redis.call('HMGET', key('out', id), 'token', 'until', 'spared'))
            if token and token ~= spared and number(till) > ticked then
                redis.call('HSET', key('out', id), 'until', ms(NOW + LEASE_MS), 'spared', token)
                redis.call('ZADD', key('due'), ms(NOW + LEASE_MS), id)
            end
        end
    elseif ticked > NOW + JOLT_MS then
        redis.call('SET', key('recheck'), '0')
    end
    local cursor = redis.call('GET', key('recheck'))
    if not cursor then return end
    local found = redis.call('ZSCAN', key('due'), cursor, 'COUNT', RECHECKED)
    for i = 1, #found[2], 2 do recheck(found[2][i], found[2][i + 1]) end
    redis.call('SET', key('recheck'), found[1])
    if found[1] == '0' then redis.call('DEL', key('recheck')) end
end

-- Nothing is left to deliver for now; for ever, if the job has ended.
local function settle(id)
    redis.call('ZREM', key('due'), id)
    if redis.call('HGET', key('out', id), 'ended') then
        for _, name in ipairs({'out', 'log', 'dead', 'resend'}) do
            redis.call('PEXPIRE', key(name, id), KEPT_MS)
        end
    end
end
