-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes granting taking
-- A worker took a message of a lane, whichever job it names: take the job whose turn it is.
--
-- ARGV 8 lane · 9 token of this attempt · 10 worker id · 11 "1": the worker submits at once
--      12 the job that the message names
-- Returns {job id, what take.lua returns for it, …}, or {"", "", "", unsent}: no job waits that nobody holds.
--
-- A job that came back to a slot that was kept for it goes first: it holds up nobody.
-- Jobs that no engine of the worker could start now are passed over for one that could be, unless none can; then
-- those of clients that are paused, or have as much in flight as they may, are passed over for others'.
--
-- Called again under the same token, because the answer was lost, it returns the same job.
--
-- Reads: back job queue ready turns waiting worker
-- Writes: worker

local lane, token, worker, begins, named = ARGV[8], ARGV[9], ARGV[10], ARGV[11] == '1', ARGV[12]
local CLIENTS_SCAN, JOBS_SCAN = 32, 8
-- Of jobs that end when they are looked at (they waited too long), so many in one call.
local GONE_MOST = 20

local names = engines_of(worker)

local function any_open()
    for _, name in ipairs(names) do
        if not hindrance(engine_of(name), lane) then return true end
    end
    return false
end

-- The jobs in their order, as many as are looked at: {id, client} each.
local function candidates()
    local found = {}
    for _, id in ipairs(redis.call('ZRANGE', key('back', lane), 0, JOBS_SCAN - 1)) do
        found[#found + 1] = {id, redis.call('HGET', job_key(id), 'client') or ''}
    end
    for _, member in ipairs(redis.call('ZRANGE', key('turns', lane), 0, CLIENTS_SCAN - 1)) do
        local client = client_of(member)
        for _, id in ipairs(redis.call('ZRANGE', key('queue', lane, client), 0, JOBS_SCAN - 1)) do
            found[#found + 1] = {id, client}
        end
    end
    return found
end

local function first_in_order()
    local back = redis.call('ZRANGE', key('back', lane), 0, 0)[1]
    if back then return {back, redis.call('HGET', job_key(back), 'client') or ''} end
    local client, id = first_in_turn(lane)
    return client and {id, client}
end

local function starts_now(id)
    local engine, prefers = unpack(redis.call('HMGET', job_key(id), 'engine', 'prefers'))
    return pick(id, lane, names, engine or prefers or nil) ~= nil
end

local function first_allowed(first)
    if not keeps_back(first[2], lane) then return first end
    for _, job in ipairs(candidates()) do
        if not keeps_back(job[2], lane) then return job end
    end
    return first
end

-- Whether there is but one job that nobody holds.
local function is_alone()
    return redis.call('ZCARD', key('waiting', lane)) - redis.call('ZCARD', key('ready', lane)) <= 1
end

local function next_job()
    local kept = kept_job(lane, names)
    if kept then return {kept, redis.call('HGET', job_key(kept), 'client') or ''} end
    local first = first_in_order()
    if not first or is_alone() then return first end
    if not any_open() then return first_allowed(first) end
    if starts_now(first[1]) then return first end
    for _, job in ipairs(candidates()) do
        if job[1] ~= first[1] and starts_now(job[1]) then return job end
    end
    return first_allowed(first)
end

-- A worker claims one job at a time; only its last claim can be asked for again.
local function claimed(id, taken)
    redis.call('HSET', key('worker', worker), 'claimed', token .. ' ' .. id)
    redis.call('PEXPIRE', key('worker', worker), ms(LEASE_MS * 2))
    return {id, unpack(taken)}
end

local function claimed_before()
    local last = redis.call('HGET', key('worker', worker), 'claimed') or ''
    return string.sub(last, 1, #token + 1) == token .. ' ' and string.sub(last, #token + 2) or nil
end

reap()
local before = claimed_before()
if before then return {before, unpack(take_job(before, token, worker, begins))} end
for _ = 1, GONE_MOST do
    local job = next_job()
    if not job then break end
    local taken = take_job(job[1], token, worker, begins)
    if taken[1] ~= 'gone' and taken[1] ~= 'held' then return claimed(job[1], taken) end
    -- It waited too long; or another release's worker holds it, which knows of no queues.
    leave_queue(job[1], lane, job[2])
end
-- What is in no queue was accepted by another release, too.
if redis.call('ZSCORE', key('waiting', lane), named) then
    return claimed(named, take_job(named, token, worker, begins))
end
return {'', '', '', unsent}
