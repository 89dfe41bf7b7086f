-- Slots, holds, leases, and what a job's moves do to them. Needs lib_moves, lib_turns, lib_spool,
-- lib_health, lib_engines and lib_pay.
--
-- Every script on this library takes, after prefix and time:
--   ARGV 3 lease, ms · 4 how long a slot is kept for a job that another worker may attach to, ms
--        5 lost workers a job survives · 6 how long an ended job is kept, ms · 7 longest wait, ms
--
-- Reads: deadlines grant holds job leases looked ready resumed workers
-- Writes: cancels deadlines failures grant holds job leases looked ready resumed slots stalled workers

local LEASE_MS, KEEP_SLOT_MS, LOST_LIMIT = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local WAITING_LIMIT_MS = tonumber(ARGV[7])
KEEP_JOB_MS = tonumber(ARGV[6])
local REAP_SCAN = 200
-- The longest deadline that a caller may set (schemas/limner/imagine.py).
local DEADLINE_MAX_MS = 30 * 86400000
local FAILURES_KEPT = 50
-- How long a word to the worker that holds a job waits to be heard.
local GRANT_KEPT_MS = 60000
-- Of the jobs that workers hold, so many are looked at for one whose worker is to be told something.
local TOLD_SCAN = 64

-- Jobs that this script left waiting without a message: {lane, id, place} each; the caller sends them.
local unsent = {}

local function needs_message(id, lane)
    unsent[#unsent + 1] = {lane, id, redis.call('HGET', job_key(id), 'place')}
end

local function drop_slot(id)
    local engine, lane = unpack(redis.call('HMGET', job_key(id), 'engine', 'lane'))
    if engine then
        redis.call('SREM', key('slots', engine, lane), id)
        slots_changed(engine, lane)
    end
end

local function drop_hold(id, lane)
    redis.call('ZREM', key('holds'), id)
    redis.call('ZREM', key('ready', lane), id)
    redis.call('DEL', key('grant', id))
end

-- A job that a worker held waits for another one.
local function hold_ended(id, lane)
    local record = job_key(id)
    redis.call('HDEL', record, 'token', 'worker')
    come_back(id, lane, unpack(redis.call('HMGET', record, 'client', 'place')))
    needs_message(id, lane)
end

local CANCELS_KEPT = 1000
local CANCELS_KEPT_S = 86400

-- Have a worker with the engine stop a drawing there.
local function cancel_drawing(engine, handle)
    -- It was being handed over, and only its worker knows what the engine gave.
    if handle == '{}' then return end
    redis.call('RPUSH', key('cancels', engine), handle)
    redis.call('LTRIM', key('cancels', engine), -CANCELS_KEPT, -1)
    redis.call('EXPIRE', key('cancels', engine), CANCELS_KEPT_S)
end

-- Stop the drawing of a job that is given up: nobody needs it any more.
local function stop_drawing(id)
    local engine, handle, attach = unpack(redis.call('HMGET', job_key(id), 'engine', 'handle', 'attach'))
    if engine and handle and attach == '1' then cancel_drawing(engine, handle) end
end

-- End a job by a move of the table, and free what it holds. `spent`: as lib_pay.lua says; nil: its host said
-- nothing.
local function end_job(id, cause, fields, token, spent)
    local status = move(id, cause, fields, token)
    if not status then return end
    spend(id, spent or '')
    reserve(id, 0)
    local client, lane, engine, started, code = unpack(redis.call('HMGET', job_key(id),
        'client', 'lane', 'engine', 'started_ms', 'reason_code'))
    count('ended', lane, status, code)
    if status == 'done' then
        observe(NOW - started, 'drawn', engine, lane)
        note_cost(id, lane, NOW - started)
    end
    if status == 'failed' and code ~= WHY.cancelled[1] then
        redis.call('LPUSH', key('failures'), id)
        redis.call('LTRIM', key('failures'), 0, FAILURES_KEPT - 1)
        redis.call('PEXPIRE', key('failures'), ms(KEEP_JOB_MS))
    end
    drop_slot(id)
    drop_hold(id, lane)
    redis.call('ZREM', key('leases'), id)
    redis.call('ZREM', key('deadlines'), id)
    spend_spooled(client, id)
end

-- End a job at the wish of its caller, who does not want its drawing any more. The worker that draws it
-- finds its token gone, and stops a drawing that only it can reach.
local function give_up(id, cause)
    local handle, engine = unpack(redis.call('HMGET', job_key(id), 'handle', 'engine'))
    if handle and engine then cancel_drawing(engine, handle) end
    end_job(id, cause)
end

-- End the jobs whose deadlines have passed. Returns how many.
local function pass_deadlines()
    keep_within(key('deadlines'), DEADLINE_MAX_MS)
    local ids = redis.call('ZRANGEBYSCORE', key('deadlines'), '-inf', ms(NOW), 'LIMIT', 0, REAP_SCAN)
    for _, id in ipairs(ids) do
        redis.call('ZREM', key('deadlines'), id)
        if may(id, 'too_late') then give_up(id, 'too_late') end
    end
    return #ids
end

-- Which lanes and engines this script has told of a job that came back: one word is enough.
local told_of = {}

local function lives(worker, lane)
    return worker and tonumber(redis.call('ZSCORE', key('workers', lane), worker) or '0') > NOW
end

-- A job came back to a slot of its own. Have a worker of its engine ask that has all the messages it may have, for
-- jobs that wait: it then takes one more (take.lua). It would ask in a second anyway. `gone`: who had the job.
local function have_asked(lane, engine, gone)
    local what = lane .. ' ' .. engine
    if told_of[what] then return end
    told_of[what] = true
    for _, id in ipairs(redis.call('ZRANGE', key('ready', lane), 0, TOLD_SCAN - 1)) do
        local worker = redis.call('HGET', job_key(id), 'worker')
        if worker ~= gone and lives(worker, lane) then
            for _, name in ipairs(engines_of(worker)) do
                if name == engine then
                    if redis.call('LLEN', key('grant', id)) == 0 then
                        redis.call('LPUSH', key('grant', id), '0')
                        redis.call('PEXPIRE', key('grant', id), GRANT_KEPT_MS)
                    end
                    return
                end
            end
        end
    end
end

-- Return a job that was submitted or drawing to its place, which is the head of its lane. With `keep`, its
-- engine keeps drawing: the handle is kept, and the slot stays taken for a while; one that was freed, because the
-- engine is done, is another job's by now. `spent`: as of end_job.
local function wait_again(id, cause, keep, token, spent)
    if not may(id, cause, token) then return end
    local record = job_key(id)
    local lane, engine, worker, freed = unpack(redis.call('HMGET', record, 'lane', 'engine', 'worker', 'freed'))
    count('returned', lane)
    redis.call('DEL', key('grant', id))
    if keep and freed then
        redis.call('ZREM', key('leases'), id)
    elseif keep then
        redis.call('ZADD', key('leases'), ms(NOW + KEEP_SLOT_MS), id)
    else
        drop_slot(id)
        redis.call('ZREM', key('leases'), id)
        spend(id, spent or '')
        redis.call('HDEL', record, 'handle', 'attach', 'engine', 'paid')
    end
    move(id, cause, {'progress', '0', 'returned_ms', ms(NOW)}, token)
    needs_message(id, lane)
    if keep and not freed then have_asked(lane, engine, worker) end
end

-- Whether nobody looked after the lanes for a while: Redis was down, and no worker could send a heartbeat.
-- Then every lease and hold is renewed, or all drawings would be taken from running workers.
local function was_away()
    local looked = tonumber(redis.call('GET', key('looked')) or ms(NOW))
    redis.call('SET', key('looked'), ms(NOW))
    if NOW - looked <= LEASE_MS / 2 then return false end
    redis.call('DEL', key('stalled'))
    absence_unseen()
    for _, name in ipairs({'leases', 'holds'}) do
        for _, id in ipairs(redis.call('ZRANGEBYSCORE', key(name), '-inf', ms(NOW + LEASE_MS))) do
            redis.call('ZADD', key(name), ms(NOW + LEASE_MS), id)
        end
    end
    return true
end

-- Reclaim what silent workers held.
local function reap()
    pass_deadlines()
    -- Or the jobs there would be spared the longest wait until that time has come again.
    keep_within(key('resumed'), 0)
    keep_within(key('leases'), math.max(LEASE_MS, KEEP_SLOT_MS))
    keep_within(key('holds'), LEASE_MS)
    for _, lane in ipairs(LANES) do keep_within(key('workers', lane), LEASE_MS) end
    if was_away() then return end
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('leases'), '-inf', ms(NOW), 'LIMIT', 0, REAP_SCAN)) do
        local status, attach, begun, paid =
            unpack(redis.call('HMGET', job_key(id), 'status', 'attach', 'begun', 'paid'))
        if RUNNING[status] then
            local lost = redis.call('HINCRBY', job_key(id), 'lost', begun and 1 or 0)
            if paid == 'fail' and attach ~= '1' then
                end_job(id, 'lost_paid')
            elseif lost >= LOST_LIMIT then
                stop_drawing(id)
                end_job(id, 'abandoned')
            else
                wait_again(id, 'lost', attach == '1')
            end
        else
            drop_slot(id)
            redis.call('ZREM', key('leases'), id)
        end
    end
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('holds'), '-inf', ms(NOW), 'LIMIT', 0, REAP_SCAN)) do
        local lane = redis.call('HGET', job_key(id), 'lane')
        if lane then drop_hold(id, lane) else redis.call('ZREM', key('holds'), id) end
        if may(id, 'hold_lost') then hold_ended(id, lane) end
    end
end

-- Whether any engine could draw the job, or a former one has its drawing that was paid for.
local function drawable(id)
    local needs, client, engine, attach, paid =
        unpack(redis.call('HMGET', job_key(id), 'needs', 'client', 'engine', 'attach', 'paid'))
    local names = engine_names()
    if #names > 0 and attach == '1' and paid and paid ~= '' then names[#names + 1] = engine end
    for _, name in ipairs(names) do
        if suits(engine_of(name), needs, client) then return true end
    end
    return #names == 0
end

-- Count a submission of a job to its engine: return how many came before it, or nil and how long the gap
-- still lasts, ms.
--
-- The gap between two starts also counts from here: what a worker does between grant and submission
-- (fetching reference images, for example) must not bring two starts closer together than the gap.
local function begin(id)
    local name, lane = unpack(redis.call('HMGET', job_key(id), 'engine', 'lane'))
    local engine = engine_of(name)
    local gap, begun = engine[lane .. '_gap_ms'] or 0, engine[lane .. '_begun_ms']
    if begun and begun + gap > NOW then return nil, begun + gap - NOW end
    if gap > 0 then
        engine_begun(name, lane)
    end
    redis.call('HSET', job_key(id), 'begun', '1')
    return redis.call('HINCRBY', job_key(id), 'attempts', 1) - 1
end
