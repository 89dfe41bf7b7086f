-- Handing a job's next event to a poster, and closing its outbox. Needs all the libraries before it.

-- Return the text of the event to post next, and whether it is a resent one.
local function head(id)
    local text = redis.call('LINDEX', key('outq', id), 0)
    if text then return text, false end
    return redis.call('LINDEX', key('resend', id), 0), true
end

-- Give up what is too old to be told, however often it was tried.
local function expire(id)
    while true do
        local text = redis.call('LINDEX', key('outq', id), 0)
        if not text or cjson.decode(text).t + AGE_MAX_MS > NOW then return end
        bury(id, text, 'expired')
        redis.call('LPOP', key('outq', id))
        new_head(id)
    end
end

-- Lease the job to `token` with this event in its hands; returns the event and its attempts so far.
local function hand_over(id, token, text, resent)
    local state, seq = key('out', id), cjson.decode(text).s
    redis.call('HSET', state, 'token', token, 'until', ms(NOW + LEASE_MS),
        'flying', resent and seq .. 'r' or seq)
    if not resent then redis.call('HSET', state, 'sent', seq) end
    redis.call('ZADD', key('due'), ms(NOW + LEASE_MS), id)
    return text, number(redis.call('HGET', state, resent and 'retried' or 'tried'))
end

-- Nothing is left to tell for now; for ever, if the job has ended.
local function settle(id)
    redis.call('ZREM', key('due'), id)
    if redis.call('HGET', key('out', id), 'ended') then
        for _, name in ipairs({'out', 'log', 'dead', 'resend'}) do
            redis.call('PEXPIRE', key(name, id), KEPT_MS)
        end
    end
end
