-- uses: base levers health engines halts domain spool outbox moves lanes granting
-- A worker took a job's message, or asks again: hold the job, and give it a slot if one is free.
--
-- ARGV 8 job id · 9 token of this attempt · 10 worker id · 11 "1": the worker submits at once
-- Returns {"granted", the record, unsent, how many submissions came before ("": this one is not counted
--   yet, see begin)} · {"held" by another or "gone" (drop the message), "", unsent} · {"wait", ms until it
--   may be worth asking again ("" = when told), unsent, "1" if an engine that does not suit this job has
--   room}
--
-- Reads: holds job
-- Writes: holds job ready

local id, token, worker = ARGV[8], ARGV[9], ARGV[10]
local record = job_key(id)
reap()

-- Whether pictures come with a job: references of whatever kind, or those to blend or to describe.
local function brings_pictures(needs, asked)
    return string.find((needs or '') .. ' ' .. (asked or ''), 'references', 1, true)
        or has_word(needs or '', 'blend') or has_word(needs or '', 'describe')
end

-- If nothing must be fetched first, the submission is counted in the same step.
local function granted()
    local kept = redis.call('HGETALL', record)
    local needs, asked, parent, handle, begun, attempts =
        unpack(redis.call('HMGET', record, 'needs', 'asked', 'parent', 'handle', 'begun', 'attempts'))
    if ARGV[11] ~= '1' or parent or handle or brings_pictures(needs, asked) then
        return {'granted', kept, unsent, ''}
    end
    -- Counted already: the result of an earlier run of this very call was lost.
    return {'granted', kept, unsent, begun and tonumber(attempts) - 1 or begin(id) or ''}
end

local status, lane, owner, place, created, waits =
    unpack(redis.call('HMGET', record, 'status', 'lane', 'token', 'place', 'created_ms', 'waits_ms'))
if not status or ENDED[status] then return {'gone', '', unsent} end
if not row_of(status, 'held') then
    if owner == token then return granted() end
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
redis.call('HDEL', record, 'missing_ms')
redis.call('ZADD', key('holds'), ms(NOW + LEASE_MS), id)
redis.call('ZADD', key('ready', lane), place, id)
local opening, choosy = grant_ready()
if RUNNING[redis.call('HGET', record, 'status')] then return granted() end
return {'wait', opening[id] and ms(opening[id] - NOW) or '', unsent, choosy[id] and '1' or ''}
