-- What a worker gets that has a message: hold a job, and give it a slot if one is free. Needs lib_granting and
-- lib_halts.
--
-- Reads: holds job
-- Writes: holds job ready

-- Whether pictures come with a job: references of whatever kind, or those to blend or to describe.
local function brings_pictures(needs, asked)
    return string.find((needs or '') .. ' ' .. (asked or ''), 'references', 1, true)
        or has_word(needs or '', 'blend') or has_word(needs or '', 'describe')
end

-- The answer for a job that has its slot. If nothing must be fetched first, the submission is counted in the
-- same step, if `begins`.
local function granted(id, begins)
    local record = job_key(id)
    local kept = redis.call('HGETALL', record)
    local needs, asked, parent, handle, begun, attempts =
        unpack(redis.call('HMGET', record, 'needs', 'asked', 'parent', 'handle', 'begun', 'attempts'))
    if not begins or parent or handle or brings_pictures(needs, asked) then
        return {'granted', kept, unsent, ''}
    end
    -- Counted already: the result of an earlier run of this very call was lost.
    return {'granted', kept, unsent, begun and tonumber(attempts) - 1 or begin(id) or ''}
end

-- Take a job for a worker; what is returned is said in take.lua.
local function take_job(id, token, worker, begins)
    local record = job_key(id)
    local status, lane, client, owner, created, waits =
        unpack(redis.call('HMGET', record, 'status', 'lane', 'client', 'token', 'created_ms', 'waits_ms'))
    if not status or ENDED[status] then return {'gone', '', unsent} end
    if not row_of(status, 'held') then
        if owner == token then return granted(id, begins) end
        return {'held', '', unsent}
    end
    local held_until = tonumber(redis.call('ZSCORE', key('holds'), id) or '0')
    if owner and owner ~= token and held_until > NOW then return {'held', '', unsent} end
    -- created_ms stays as it is, because callers have been told it.
    if NOW - within(record, 'waits_ms', waits or created, 0) > WAITING_LIMIT_MS
        and not is_excused(id, WAITING_LIMIT_MS) then
        stop_drawing(id)
        end_job(id, 'overdue')
        return {'gone', '', unsent}
    end
    if not drawable(id) then
        stop_drawing(id)
        end_job(id, 'undrawable')
        return {'gone', '', unsent}
    end
    redis.call('HSET', record, 'token', token, 'worker', worker)
    redis.call('ZADD', key('holds'), ms(NOW + LEASE_MS), id)
    redis.call('ZADD', key('ready', lane), give_turn(id, lane, client), id)
    local opening, choosy = grant_ready(worker)
    if RUNNING[redis.call('HGET', record, 'status')] then return granted(id, begins) end
    -- Behind a job that waits for a slot must not wait one that has its own.
    local others_may = choosy[id] or kept_job(lane, engines_of(worker))
    return {'wait', opening[id] and ms(opening[id] - NOW) or '', unsent, others_may and '1' or ''}
end
