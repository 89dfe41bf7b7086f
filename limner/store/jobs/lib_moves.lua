-- A job's moves. Nothing else writes a job's status. Needs lib_domain, lib_base, lib_halts, lib_outbox and
-- lib_turns.
--
-- limner/moves.py lists the moves, who may make them and which event reports them; lib_domain has its
-- tables. A script that does more than the move itself asks `may` before it writes anything.
--
-- Reads: job
-- Writes: job runs waiting waits

-- The client's set that contains a job in this status.
local SET_OF = {waiting = 'waits', submitted = 'runs', drawing = 'runs'}

-- The fields that a job loses in a status.
local OF_ITS_WORKER = {'token', 'worker', 'attach', 'freed', 'storing'}
local LEFT_BEHIND = {
    waiting = {'token', 'worker', 'begun', 'freed', 'storing', 'url', 'width', 'height'},
    -- The engine's handle stays: follow-ups may need it.
    done = OF_ITS_WORKER,
    failed = OF_ITS_WORKER,
}

-- How long an ended job is kept, ms; set by whoever ends jobs.
local KEEP_JOB_MS
-- How long a job may wait and be drawn before it ends and its retention time begins.
local INDEX_SPARE_MS = 40 * 86400000

-- Return the row of the table for a job in `status` (false: it does not exist): the new status, who, and
-- the kind of event ("-": none); nil if there is no such move.
local function row_of(status, cause)
    local row = MOVES[(status or 'none') .. ' ' .. cause]
    if not row then return nil end
    return string.match(row, '^(%S+) (%S+) (%S+)$')
end

-- The same for a job in its present status; also nil if only its holder may, and `token` is not the holder's.
local function may(id, cause, token)
    local status, owner = unpack(redis.call('HMGET', job_key(id), 'status', 'token'))
    local after, who, told = row_of(status, cause)
    if who == 'holder' and owner ~= token then return nil end
    return after, who, told, status
end

-- Keep the indexes of jobs by what they do. Returns the job's position in its lane if it waits.
local function list_anew(id, before, after)
    local client, lane, place = unpack(redis.call('HMGET', job_key(id), 'client', 'lane', 'place'))
    if SET_OF[before] then redis.call('SREM', key(SET_OF[before], client), id) end
    if SET_OF[after] then redis.call('SADD', key(SET_OF[after], client), id) end
    if before == 'waiting' then
        redis.call('ZREM', key('waiting', lane), id)
        leave_queue(id, lane, client)
    end
    if after ~= 'waiting' then return nil end
    redis.call('ZADD', key('waiting', lane), place, id)
    come_back(id, lane, client, place)
    return position_of(id, lane, client, place)
end

-- Move a job by a cause of the table, and emit the event. `fields`: names and values to write with its
-- status; `token`: of the worker that moves it. Returns the new status, or nil if the table has no such
-- move; then nothing was changed.
local function move(id, cause, fields, token)
    local after, _, told, before = may(id, cause, token)
    if not after then return nil end
    local record = job_key(id)
    redis.call('HSET', record, 'status', after, unpack(fields or {}))
    if before and LEFT_BEHIND[after] then redis.call('HDEL', record, unpack(LEFT_BEHIND[after])) end
    if ENDED[after] then
        redis.call('HSET', record, 'finished_ms', ms(NOW))
        if WHY[cause] then redis.call('HSET', record, 'reason_code', WHY[cause][1], 'reason', WHY[cause][2]) end
    end
    local position = after ~= before and list_anew(id, before, after)
    if told ~= '-' then emit(id, told, position and place_told(id, position)) end
    if ENDED[after] then redis.call('PEXPIRE', record, ms(KEEP_JOB_MS)) end
    -- Who waits for news of it reads it again. A user without this channel only waits longer.
    redis.pcall('PUBLISH', key('changed'), id .. ' ' .. (redis.call('HGET', record, 'client') or ''))
    return after
end
