-- Whether a lane is stalled: jobs wait, a slot is free for one of them, and nothing starts. Determined from
-- Redis alone, whatever the cause: a consumer that takes nothing, messages that get lost.
-- Needs lib_granting, and `grant_ready` before it, so that what could be granted has been.
--
-- Reads: job stalled waiting
-- Writes: stalled

-- Jobs further back are assumed to be like the head of the lane.
local HEAD_SCAN = 100

-- The lists of engines that a lane's running workers have, each list once.
local function crews_of(lane)
    local crews, seen = {}, {}
    for _, worker in ipairs(living_workers(lane)) do
        local names = engines_of(worker)
        local text = table.concat(names, ' ')
        if not seen[text] then crews[#crews + 1] = names end
        seen[text] = true
    end
    return crews
end

-- Whether any of these crews has an engine that would start a job of the lane now.
local function is_open(crews, lane)
    for _, names in ipairs(crews) do
        for _, name in ipairs(names) do
            if not hindrance(engine_of(name), lane) then return true end
        end
    end
    return false
end

-- Whether a job would be granted a slot if the worker that holds it, or else any worker, asked now; a dead worker
-- does not. As when a worker asks, this starts the time in which the job lets others go first.
local function would_start(id, lane, crews)
    local worker, engine, prefers = unpack(redis.call('HMGET', job_key(id), 'worker', 'engine', 'prefers'))
    if worker and not lives(worker, lane) then return false end
    for _, names in ipairs(worker and {engines_of(worker)} or crews) do
        if pick(id, lane, names, engine or prefers or nil) then return true end
    end
    return false
end

local function could_start(lane)
    local crews = crews_of(lane)
    if not is_open(crews, lane) then return false end
    for _, id in ipairs(redis.call('ZRANGE', key('waiting', lane), 0, HEAD_SCAN - 1)) do
        if redis.call('EXISTS', job_key(id)) == 1 and would_start(id, lane, crews) then return true end
    end
    return false
end

-- Store since when the lane has been stalled; a grant, or an outage of Redis, ends that.
local function note_stall(lane)
    if not could_start(lane) then
        redis.call('HDEL', key('stalled'), lane)
        return
    end
    local since = tonumber(redis.call('HGET', key('stalled'), lane) or ms(NOW + 1))
    -- The first time, or the clock was set back.
    if since > NOW then redis.call('HSET', key('stalled'), lane, ms(NOW)) end
end
