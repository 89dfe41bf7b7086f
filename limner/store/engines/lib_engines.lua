-- The engines' settings, which workers have them, and what they accept. Needs lib_base and lib_health.
--
--   engines          SET   the engines that workers registered, without former ones
--   settings:<name>  HASH  its settings: driver, <lane>_slots, <lane>_gap_ms, weight, clients, versions, price,
--                          and mark, a fingerprint by which a change of any is noticed. Written only here
--   absent           ZSET  engines that no living worker has → since when, ms
-- A former engine's settings and health are kept for a day: it may come back.
--
-- Reads: absent engines job settings slots worker workers
-- Writes: absent engine engines settings

local FORMER_KEPT_MS = 86400000
local KINDS = {'settings', 'engine'}

-- Whether a list of words, separated by spaces, has a word.
local function has_word(words, word)
    return string.find(' ' .. words .. ' ', ' ' .. word .. ' ', 1, true) ~= nil
end

-- Which workers have which engines.

local worker_engines = {}

local function engines_of(worker)
    if not worker_engines[worker] then
        local names = {}
        for name in string.gmatch(redis.call('HGET', key('worker', worker), 'engines') or '', '%S+') do
            names[#names + 1] = name
        end
        worker_engines[worker] = names
    end
    return worker_engines[worker]
end

local function living_workers(lane)
    return redis.call('ZRANGEBYSCORE', key('workers', lane), ms(NOW), '+inf')
end

-- How many living workers have each engine, and how many there are.
local function carried()
    local by_name, seen, living = {}, {}, 0
    for _, lane in ipairs(LANES) do
        for _, worker in ipairs(living_workers(lane)) do
            if not seen[worker] then
                seen[worker], living = true, living + 1
                for _, name in ipairs(engines_of(worker)) do by_name[name] = (by_name[name] or 0) + 1 end
            end
        end
    end
    return by_name, living
end

-- Coming, and going.

local function engine_names()
    local names = redis.call('SMEMBERS', key('engines'))
    table.sort(names)
    return names
end

local function is_known(name)
    return redis.call('SISMEMBER', key('engines'), name) == 1
end

local function keep_engine(name)
    redis.call('SADD', key('engines'), name)
    redis.call('ZREM', key('absent'), name)
    for _, kind in ipairs(KINDS) do redis.call('PERSIST', key(kind, name)) end
end

-- Register an engine's settings when a worker starts: field, value, … Its health is reset only if they
-- have changed.
local function engine_registered(name, settings)
    local was = engine_of(name)
    local changed = not was.state
    for i = 1, #settings, 2 do
        local before = was.configured[settings[i]] or was[settings[i]]
        -- Fields that an older release did not write do not count as a change.
        if before and before ~= value_of(settings[i], settings[i + 1]) then changed = true end
    end
    keep_engine(name)
    redis.call('HSET', key('settings', name), unpack(settings))
    engines_read[name] = nil
    if changed then engine_is_new(name) end
end

-- A running worker has these engines: one that counted as a former one is back, unchanged.
local function engines_are_back(names)
    for name in string.gmatch(names, '%S+') do
        if not is_known(name) and redis.call('EXISTS', key('settings', name)) == 1 then keep_engine(name) end
    end
end

-- Nobody was there to see which engines are absent: start counting again.
local function absence_unseen()
    redis.call('DEL', key('absent'))
end

-- Drop the engines that no running worker has had for `kept_ms` while other workers ran, unless a job has a
-- slot there. While no worker runs at all, none is dropped: they may be starting one after the other.
local function drop_former(kept_ms)
    local by_name, living = carried()
    if living == 0 then return absence_unseen() end
    keep_within(key('absent'), 0)
    for _, name in ipairs(engine_names()) do
        local used = engine_of(name).used
        if by_name[name] then
            redis.call('ZREM', key('absent'), name)
        else
            redis.call('ZADD', key('absent'), 'NX', ms(NOW), name)
            local since = tonumber(redis.call('ZSCORE', key('absent'), name))
            if NOW - since >= kept_ms and used.fast + used.relaxed == 0 then
                redis.call('SREM', key('engines'), name)
                redis.call('ZREM', key('absent'), name)
                for _, kind in ipairs(KINDS) do redis.call('PEXPIRE', key(kind, name), FORMER_KEPT_MS) end
            end
        end
    end
end

-- What they accept.

-- How many more drawings of a lane an engine accepts now.
local function room(engine, lane)
    local used = engine.used.fast + engine.used.relaxed
    local total = engine.total
    -- An engine that failed draws one job for trial until one succeeds.
    if (engine.fails or 0) > 0 then total = math.min(total, 1) end
    return math.min(total - used, (engine[lane .. '_slots'] or 0) - engine.used[lane])
end

-- How many slots of a lane are kept by drawings that wait for room to be stored (keep_slot.lua).
local function slots_storing(name, lane)
    local kept = 0
    for _, id in ipairs(redis.call('SMEMBERS', key('slots', name, lane))) do
        if redis.call('HGET', job_key(id), 'storing') then kept = kept + 1 end
    end
    return kept
end

-- When an engine may next start a drawing of a lane, ms.
local function opens(engine, lane)
    local gap = engine[lane .. '_gap_ms'] or 0
    local last = engine[lane .. '_last_ms']
    local by_gap = (last and gap > 0) and last + gap or 0
    return math.max(by_gap, engine.paused_until or 0)
end

-- Why an engine may never draw a job: 'lacks' (it cannot do what the job needs), 'pinned' (the job is for
-- another engine), 'version' (it has no model for it), 'clients' (it draws for others), or nil.
local function misfit(engine, needs, client)
    for need in string.gmatch(needs or '', '%S+') do
        local kind, name = string.match(need, '^(%a+):(.*)$')
        if kind == 'engine' then
            if name ~= engine.name then return 'pinned' end
        elseif kind == 'version' then
            if not has_word(engine.versions or '', name) then return 'version' end
        elseif has_word(engine.lacks or '', need) then
            return 'lacks'
        end
    end
    local clients = engine.clients or ''
    return clients ~= '' and not has_word(clients, client) and 'clients' or nil
end

-- Operations that an engine must have said it can do: whoever knows none would draw an ordinary picture.
local TO_BE_SAID = {upscale_subtle = true, upscale_creative = true, edit = true, blend = true, describe = true}

-- Whether a job needs what an engine has not been asked about yet.
local function is_unsaid(engine, needs)
    if engine.lacks then return false end
    for need in string.gmatch(needs or '', '%S+') do
        if TO_BE_SAID[need] then return true end
    end
    return false
end

local function suits(engine, needs, client)
    return misfit(engine, needs, client) == nil
end

-- Whether one of these engines, of those that have not failed a job yet, is up and could draw it.
local function draws_elsewhere(names, lane, needs, client, failed_on)
    for _, name in ipairs(names) do
        local engine = engine_of(name)
        if not has_word(failed_on, name) and not OUT[engine.state] and not engine.halt
            and suits(engine, needs, client) and (engine[lane .. '_slots'] or 0) > 0 then
            return true
        end
    end
    return false
end
