-- What is made again from records, if a key was lost. Needs all the libraries of the lanes.
--
-- A record is the truth: what else is kept of a job follows from it. Each function sees to it that one thing is as its
-- record says, and writes nothing where it is.
--
-- Reads: dead deadlines due holds job jobs leases out outq parked parkedat ready slots tag
-- Writes: deadlines holds job jobs leases out outq runs slots tag tentative waiting waits

-- A terminal event is not told again that would have been given up by now. Shorter than any record is kept.
local TOLD_AGAIN_MS = 90 * 3600000
local SLOTS_AT_ONCE = 200

-- How much was found to be missing; what is added is counted.
local found_missing = 0

local function add(added)
    found_missing = found_missing + added
end

-- The jobs of an index, by when they were accepted.
local function be_indexed(index, id, created)
    if redis.call('ZSCORE', index, id) or NOW - created > KEEP_JOB_MS + INDEX_SPARE_MS then return end
    add(redis.call('ZADD', index, ms(created), id))
    redis.call('PEXPIRE', index, ms(KEEP_JOB_MS + INDEX_SPARE_MS))
end

-- The same webhook-id as before, and the same content: nothing but marks changes in a record after the end.
local function last_event(id, finished)
    local seq, named = unpack(redis.call('HMGET', job_key(id), 'seq', 'epoch'))
    local event = {s = number(seq), c = 'X', t = finished, v = snapshot(id), e = named or epoch(),
        id = 'msg_' .. id .. '_' .. seq .. '_' .. (named or epoch())}
    event.v.marks = nil
    return cjson.encode(event)
end

local function ends_in_dead_letter(id)
    local text = redis.call('LINDEX', key('dead', id), -1)
    return text and cjson.decode(text).c == 'X'
end

-- The end of a job is told, or is to be, or was given up. If nobody knows, it is told, perhaps once more.
local function be_told(id, finished)
    if finished == 0 or NOW - finished > TOLD_AGAIN_MS then return end
    local ended, last, gone, buried, till =
        unpack(redis.call('HMGET', key('out', id), 'ended', 'last', 'gone', 'buried', 'until'))
    if not ended then
        redis.call('HSET', key('out', id), 'ended', 1)
        -- Whoever looks finds nothing more to tell, and closes the outbox.
        wake(id)
    end
    if last or buried or number(till) > NOW then return end
    if redis.call('EXISTS', key('outq', id)) == 1 then return end
    if ends_in_dead_letter(id) then return redis.call('HSET', key('out', id), 'buried', 1) end
    -- The receiver wants no more: what it is not told can be resent.
    if gone then return bury(id, last_event(id, finished), 'gone') end
    add(redis.call('RPUSH', key('outq', id), last_event(id, finished)))
    new_head(id)
    wake(id)
end

-- A job with something to tell is looked at some time, or waits for a place.
local function be_due(id)
    local parked = redis.call('HGET', key('out', id), 'parked')
    if not parked then
        if redis.call('ZSCORE', key('due'), id) then return end
        add(1)
        wake(id)
    elseif not redis.call('ZSCORE', key('parked', parked), id) or not redis.call('ZSCORE', key('parked'), id)
        or redis.call('SISMEMBER', key('parkedat'), parked) == 0 then
        unpark_one(id, parked)
    end
end

local function be_waiting(id, lane, client, place, owner, engine)
    add(redis.call('SADD', key('waits', client), id))
    add(redis.call('ZADD', key('waiting', lane), 'NX', place, id))
    if not redis.call('ZSCORE', key('ready', lane), id) then
        be_in_queue(id, lane, client, place)
    elseif owner and not redis.call('ZSCORE', key('holds'), id) then
        redis.call('ZADD', key('holds'), ms(NOW + LEASE_MS), id)
    end
    -- Its slot is kept for the drawing that goes on there.
    if engine and redis.call('ZSCORE', key('leases'), id) then redis.call('SADD', key('slots', engine, lane), id) end
end

-- If its worker lives, its heartbeats renew the lease; if not, the lease ends.
local function be_running(id, lane, client, engine, freed)
    add(redis.call('SADD', key('runs', client), id))
    redis.call('ZADD', key('leases'), 'NX', ms(NOW + LEASE_MS), id)
    if engine and not freed then redis.call('SADD', key('slots', engine, lane), id) end
end

-- A tentative job is taken up by the sweep, if by nobody else (lib_tentative.lua).
local function be_tentative(id, client, plan)
    add(redis.call('ZADD', key('tentative'), 'NX', ms(NOW), id))
    if not cjson.decode(plan).picked then add(redis.call('SADD', key('waits', client), id)) end
end

-- A deadline is no further ahead than it was when the job was accepted: the clock may have been set back since.
local function be_given_up(id, text, created)
    local deadline = tonumber(text) or error('the deadline of job ' .. id .. ' is no number')
    local at, latest = redis.call('ZSCORE', key('deadlines'), id), math.min(deadline, NOW + deadline - created)
    if not at or tonumber(at) > latest then redis.call('ZADD', key('deadlines'), ms(latest), id) end
end

local function mend_job(id)
    local status, client, lane, place, tag, created, deadline, owner, engine, freed, dest, finished, plan =
        unpack(redis.call('HMGET', job_key(id), 'status', 'client', 'lane', 'place', 'tag', 'created_ms',
            'deadline_ms', 'token', 'engine', 'freed', 'dest', 'finished_ms', 'tentative'))
    -- Fields that were written after the record was lost.
    if not status and not plan then return redis.call('UNLINK', job_key(id)) end
    if not client or not lane or not place then return end
    if tag then be_indexed(key('tag', client, tag), id, number(created)) end
    be_indexed(key('jobs', client), id, number(created))
    if not status then return be_tentative(id, client, plan) end
    if ENDED[status] then
        if dest then be_told(id, number(finished)) end
        return
    end
    if status == 'waiting' then
        be_waiting(id, lane, client, place, owner, engine)
    elseif RUNNING[status] then
        be_running(id, lane, client, engine, freed)
    end
    if deadline then be_given_up(id, deadline, number(created)) end
end

-- What is kept of a job that has no record any more must not be kept for ever.
local function forget_later(name)
    if redis.call('PTTL', name) == -1 then redis.call('PEXPIRE', name, ms(KEEP_JOB_MS)) end
end

-- A slot is its job's, or is free.
local function check_slots(engine, lane)
    local changed = false
    for _, id in ipairs(redis.call('SRANDMEMBER', key('slots', engine, lane), SLOTS_AT_ONCE)) do
        local status, where, of_lane, freed =
            unpack(redis.call('HMGET', job_key(id), 'status', 'engine', 'lane', 'freed'))
        local is_there = where == engine and of_lane == lane and not freed
        if not is_there or not (RUNNING[status] or status == 'waiting') then
            redis.call('SREM', key('slots', engine, lane), id)
            changed = true
        elseif status == 'waiting' then
            -- It was kept for the drawing that goes on there, until a time.
            redis.call('ZADD', key('leases'), 'NX', ms(NOW + KEEP_SLOT_MS), id)
        end
    end
    if changed then slots_changed(engine, lane) end
end
