-- Whether a lane stands still: jobs wait, a slot is free for one of them, and nothing starts. Told by
-- what Redis knows, whatever the cause is: a consumer that takes nothing, messages that go astray.
-- Needs lanes, and `grant_ready` before it, so that what could be granted has been.

-- What waits further behind is taken to be like the head of the lane.
local HEAD_SCAN = 100

-- The engines that living workers of a lane have, each once.
local function engines_of_lane(lane)
    local names, seen = {}, {}
    for _, worker in ipairs(redis.call('ZRANGEBYSCORE', key('workers', lane), ms(NOW), '+inf')) do
        for _, name in ipairs(engines_of(worker)) do
            if not seen[name] then names[#names + 1] = name end
            seen[name] = true
        end
    end
    return names
end

-- Whether an engine would start a drawing of the lane now.
local function takes(engine, lane)
    if room(engine, lane) <= 0 or opens(engine, lane) > NOW then return false end
    return lane == 'fast' or room(engine, 'fast') <= 0 or not fast_waits_for(engine)
end

-- Whether the worker that holds a job has an engine; a job that nobody holds is anybody's.
local function reaches(worker, name)
    if not worker then return true end
    for _, own in ipairs(engines_of(worker)) do
        if own == name then return true end
    end
    return false
end

local function could_start(lane)
    local open = {}
    for _, name in ipairs(engines_of_lane(lane)) do
        if takes(engine_of(name), lane) then open[#open + 1] = name end
    end
    if #open == 0 then return false end
    for _, id in ipairs(redis.call('ZRANGE', key('waiting', lane), 0, HEAD_SCAN - 1)) do
        local needs, client, attach, worker =
            unpack(redis.call('HMGET', job_key(id), 'needs', 'client', 'attach', 'worker'))
        -- A job whose drawing goes on somewhere may have to wait for just that engine.
        if client and attach ~= '1' then
            for _, name in ipairs(open) do
                if reaches(worker, name) and suits(engine_of(name), needs, client) then return true end
            end
        end
    end
    return false
end

-- Write down since when the lane stands still; a grant, or a time without Redis, ends that.
local function note_stall(lane)
    if not could_start(lane) then
        redis.call('HDEL', key('stalled'), lane)
        return
    end
    local since = tonumber(redis.call('HGET', key('stalled'), lane) or ms(NOW + 1))
    -- The first time, or the clock was set back.
    if since > NOW then redis.call('HSET', key('stalled'), lane, ms(NOW)) end
end
