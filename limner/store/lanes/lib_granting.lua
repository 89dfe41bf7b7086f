-- Who gets a slot. Needs lib_base, lib_outbox, lib_health, lib_engines, lib_pay and
-- lib_lanes.
--
-- Who may draw: the waiting job whose worker holds it, on an engine that this worker has, when the
-- engine has a free slot and an open gap in the job's lane. Fast may use every slot of an engine;
-- relaxed only its share, and none while a fast job could use the slot.
--
-- Reads: back client grant job ready runs slots turns waiting workers
-- Writes: grant job leases slots stalled

local READY_SCAN = 512

-- Whether a client has as many drawings of a lane in flight as it may: then its other jobs wait.
local function is_capped(client, lane)
    local cap = tonumber(redis.call('HGET', key('client', client), 'in_flight') or '')
    if not cap or redis.call('SCARD', key('runs', client)) < cap then return false end
    local flying = 0
    for _, id in ipairs(redis.call('SMEMBERS', key('runs', client))) do
        if redis.call('HGET', job_key(id), 'lane') == lane then flying = flying + 1 end
    end
    return flying >= cap
end

-- Whether a client's jobs wait whatever is free: by its cap, or because an operator paused it.
local function keeps_back(client, lane)
    return client_is_paused(client) or is_capped(client, lane)
end

-- So many clients are looked at for one whose jobs may start.
local WAITERS_SCAN = 64

-- Whether a job waits in a lane that no worker holds, of a client that nothing keeps back.
local function somebody_waits(lane)
    if redis.call('ZCARD', key('waiting', lane)) <= redis.call('ZCARD', key('ready', lane)) then return false end
    local members = redis.call('ZRANGE', key('turns', lane), 0, WAITERS_SCAN - 1)
    for _, member in ipairs(members) do
        if not keeps_back(client_of(member), lane) then return true end
    end
    for _, id in ipairs(redis.call('ZRANGE', key('back', lane), 0, WAITERS_SCAN - 1)) do
        if not keeps_back(redis.call('HGET', job_key(id), 'client') or '', lane) then return true end
    end
    -- In no queue are the jobs that another release accepted.
    return #members == 0 and redis.call('EXISTS', key('back', lane)) == 0
end

local fast_is_served = nil

-- Whether a fast job is waiting that could use a slot of this engine. The jobs that workers hold are the
-- head of the lane; if they hold none yet, the next one may be for any engine.
local function fast_waits_for(engine)
    if fast_is_served == nil then
        fast_is_served = redis.call('ZCOUNT', key('workers', 'fast'), ms(NOW), '+inf') > 0
    end
    if not fast_is_served or halt_of('lane', 'fast') then return false end
    local held = 0
    for _, id in ipairs(redis.call('ZRANGE', key('ready', 'fast'), 0, READY_SCAN - 1)) do
        local needs, client, worker = unpack(redis.call('HMGET', job_key(id), 'needs', 'client', 'worker'))
        if lives(worker, 'fast') then
            held = held + 1
            if suits(engine, needs, client) and not keeps_back(client, 'fast') then return true end
        end
    end
    return held == 0 and somebody_waits('fast')
end

-- How long an engine is kept idle for other jobs, ms.
local ASIDE_MS = 5000
local others_wait = {}

-- Whether a job is waiting that an engine has not failed yet.
local function others_wait_for(name)
    if others_wait[name] ~= nil then return others_wait[name] end
    local engine, found = engine_of(name), false
    for _, lane in ipairs(LANES) do
        if (engine[lane .. '_slots'] or 0) > 0 and not halt_of('lane', lane) then
            local held = redis.call('ZRANGE', key('ready', lane), 0, READY_SCAN - 1)
            for _, id in ipairs(held) do
                local needs, client, failed_on, worker =
                    unpack(redis.call('HMGET', job_key(id), 'needs', 'client', 'failed_on', 'worker'))
                found = found or (lives(worker, lane) and not has_word(failed_on or '', name)
                    and not client_is_paused(client) and suits(engine, needs, client))
            end
            -- Jobs that no worker holds yet may be for any engine.
            found = found or redis.call('ZCARD', key('waiting', lane)) > #held
        end
    end
    others_wait[name] = found
    return found
end

-- Whether a job lets others go first to the only engine that could draw it, because that engine failed
-- it and has drawn nothing since: the result of another job shows which of the two is to blame. The time
-- limit for that starts here, unless this is `only_a_look`.
local function steps_aside(name, only_a_look)
    local engine = engine_of(name)
    if (engine.struck or '') == '' or not others_wait_for(name) then return false end
    if not engine.aside_ms and not only_a_look then engine_turns_to_others(name) end
    return NOW - (engine.aside_ms or NOW) < ASIDE_MS
end

-- Words for which a job does not use an engine that has room for others, and words that the end of a gap or a
-- pause resolves.
local UNFIT = {lacks = true, pinned = true, version = true, clients = true, capped = true, elsewhere = true,
    failed = true, aside = true, client_paused = true}
local LATER = {rests = true, gap = true}

-- What keeps an engine from starting any job of a lane now: 'lane_paused', 'engine_paused' or
-- 'engine_draining' (by an operator), 'no_slots', 'full', 'fast_first' (a fast job needs the slot), 'rests' or
-- 'gap' (not before it opens), or nil.
local function hindrance(engine, lane)
    if halt_of('lane', lane) then return 'lane_paused' end
    if engine.halt then return 'engine_' .. engine.halt end
    if (engine[lane .. '_slots'] or 0) == 0 then return 'no_slots' end
    if room(engine, lane) <= 0 then return 'full' end
    if lane == 'relaxed' and room(engine, 'fast') > 0 and fast_waits_for(engine) then return 'fast_first' end
    if engine.paused_until > NOW then return 'rests' end
    return opens(engine, lane) > NOW and 'gap' or nil
end

-- A waiting job's requirements, if its worker has the engines `names`; `first`: the engine that has its
-- drawing, or had its parent's.
local function wish_of(id, lane, names, first)
    local needs, client, attach, paid, failed_on, asked =
        unpack(redis.call('HMGET', job_key(id), 'needs', 'client', 'attach', 'paid', 'failed_on', 'asked'))
    return {
        lane = lane, needs = needs, client = client, failed_on = failed_on or '', asked = asked or '',
        capped = is_capped(client, lane),
        -- A drawing that was paid for is only continued where it runs, and drawn nowhere else.
        only = attach == '1' and paid and paid ~= '' and first or nil,
        elsewhere = failed_on and draws_elsewhere(names, lane, needs, client, failed_on),
    }
end

-- What keeps a job from using an engine now: a word of UNFIT, what hinders any job, or nil.
local function hindered(name, wish, only_a_look)
    local engine = engine_of(name)
    local unfit = misfit(engine, wish.needs, wish.client)
    if unfit then return unfit end
    if is_unsaid(engine, wish.needs) then return 'lacks' end
    if wish.capped then return 'capped' end
    if wish.only and name ~= wish.only then return 'elsewhere' end
    if client_is_paused(wish.client) then return 'client_paused' end
    local failed = not wish.only and has_word(wish.failed_on, name)
    if failed and wish.elsewhere then return 'failed' end
    local why = hindrance(engine, wish.lane)
    if failed and not why and steps_aside(name, only_a_look) then return 'aside' end
    return why
end

-- What an engine makes of what a job asks for (limner/applied.py): name → level, and how much of it that is.
-- nil while nobody has asked the engine what it can do.
local AS_MUCH = {exact = 2, near = 1, none = 0}

local function applied_by(engine, asked)
    if asked == '' then return {}, 0 end
    if not engine.levels then return nil, 0 end
    if not engine.level then
        engine.level = {}
        for name, level in string.gmatch(engine.levels, '(%S+)=(%a+)') do engine.level[name] = level end
    end
    local applied, sum = {}, 0
    for word in string.gmatch(asked, '%S+') do
        local known, most = string.match(word, '^([^:]+):?(%a*)$')
        local level = engine.level[known] or 'none'
        if AS_MUCH[most] and AS_MUCH[most] < AS_MUCH[level] then level = most end
        applied[string.match(known, '^[^/]+')] = level
        sum = sum + AS_MUCH[level]
    end
    return applied, sum
end

-- Whether a job's slot was kept on the engine `first`, because its drawing continues there.
local function kept_at(id, lane, first)
    return first and redis.call('SISMEMBER', key('slots', first, lane), id) == 1
end

-- Of the jobs that came back, so many are looked at.
local BACK_SCAN = 64

-- The first job that came back to a slot that was kept for it, on one of the engines `names`, or nil. It takes
-- a slot from nobody, whoever waits for one.
local function kept_job(lane, names)
    for _, id in ipairs(redis.call('ZRANGE', key('back', lane), 0, BACK_SCAN - 1)) do
        local engine = redis.call('HGET', job_key(id), 'engine')
        if kept_at(id, lane, engine) then
            for _, name in ipairs(names) do
                if name == engine then return id end
            end
        end
    end
    return nil
end

-- Among the engines with room: first the one that has or had the drawing, then the one that applies more of
-- what was asked, then the one with the most room by weight (10,000 slots at most, of weight 1,000).
local FIRST, PER_LEVEL = 1e12, 1e8

local function worth_of(engine, free, asked)
    local _, much = applied_by(engine, asked)
    return much * PER_LEVEL + free * (engine.weight or 1)
end

-- Pick the engine among `names` for a waiting job: name, or nil and when one may open (ms, nil: when a
-- slot is freed), and whether the job is choosy: an engine that does not suit it has room.
local function pick(id, lane, names, first)
    if kept_at(id, lane, first) then
        for _, name in ipairs(names) do
            if name == first then
                local paused = engine_of(first).paused_until
                if paused <= NOW then return first, nil end
                return nil, paused
            end
        end
    end
    local wish = wish_of(id, lane, names, first)
    local best, best_worth, open_at, choosy = nil, 0, nil, false
    for _, name in ipairs(names) do
        local engine, why = engine_of(name), hindered(name, wish)
        local free = room(engine, lane)
        if not why then
            local worth = worth_of(engine, free, wish.asked)
            if name == first then worth = worth + FIRST end
            if worth > best_worth then best, best_worth = name, worth end
        elseif LATER[why] then
            local at = opens(engine, lane)
            open_at = open_at and math.min(open_at, at) or at
        elseif UNFIT[why] then
            choosy = choosy or free > 0
        end
    end
    return best, open_at, choosy
end

local function grant(id, lane, name, first)
    if not may(id, 'granted') then return drop_hold(id, lane) end
    local record = job_key(id)
    local started, created, asked = unpack(redis.call('HMGET', record, 'started_ms', 'created_ms', 'asked'))
    -- A slot that was kept is not a new start.
    if redis.call('SADD', key('slots', name, lane), id) == 1 then
        slots_changed(name, lane)
        engine_started(name, lane)
    end
    if first and first ~= name then
        redis.call('SREM', key('slots', first, lane), id)
        -- The slot that was kept there is free for the jobs considered next.
        slots_changed(first, lane)
        -- Nobody needs the drawing there any more.
        local handle, attach = unpack(redis.call('HMGET', record, 'handle', 'attach'))
        if handle and attach == '1' then cancel_drawing(first, handle) end
        spend(id, '')
        redis.call('HDEL', record, 'handle', 'attach', 'paid')
    end
    if not started then observe(NOW - created, 'waited', lane) end
    redis.call('HDEL', key('stalled'), lane)
    redis.call('ZADD', key('leases'), ms(NOW + LEASE_MS), id)
    drop_hold(id, lane)
    local applied = asked and applied_by(engine_of(name), asked)
    redis.call('HDEL', record, 'applied')
    reserve(id, engine_of(name).price or 0)
    if applied then redis.call('HSET', record, 'applied', cjson.encode(applied)) end
    move(id, 'granted', {'engine', name, 'started_ms', started or ms(NOW)})
    note_pace(lane)
    redis.call('LPUSH', key('grant', id), 'granted')
    redis.call('PEXPIRE', key('grant', id), GRANT_KEPT_MS)
end

-- Give free slots to the jobs that workers hold, fast before relaxed, in the order of their places. For a
-- job that only waits for a gap or a pause, return when that ends, so that its worker asks again then.
-- `asking`: the worker that asks, or nil.
local function grant_ready(asking)
    -- What is too late must not be started for the moment until somebody looks.
    pass_deadlines()
    local opening, choosy_jobs = {}, {}
    for _, lane in ipairs(LANES) do
        local told = false
        for _, id in ipairs(redis.call('ZRANGE', key('ready', lane), 0, READY_SCAN - 1)) do
            -- The engine that has its drawing, or drew its parent.
            local worker, engine, token, prefers =
                unpack(redis.call('HMGET', job_key(id), 'worker', 'engine', 'token', 'prefers'))
            local first = engine or prefers
            local name, open_at = nil, nil
            -- A hold may outlast its worker's leases: its slot must not go to a job that the dead worker held.
            if worker and token and (worker == asking or lives(worker, lane)) then
                name, open_at, choosy_jobs[id] = pick(id, lane, engines_of(worker), first or nil)
            end
            if name then
                grant(id, lane, name, first or nil)
            elseif open_at then
                opening[id] = open_at
                if not told and redis.call('LLEN', key('grant', id)) == 0 then
                    redis.call('LPUSH', key('grant', id), ms(open_at - NOW))
                    redis.call('PEXPIRE', key('grant', id), GRANT_KEPT_MS)
                end
                told = true
            end
        end
    end
    return opening, choosy_jobs
end
