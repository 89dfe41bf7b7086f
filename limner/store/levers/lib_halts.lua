-- What operators have halted, and which jobs wait for that alone. Needs lib_levers and lib_engines.
--
-- Reads: job
-- Writes: nothing itself

local function any_engine_halted()
    for full in pairs(levers()) do
        if string.find(full, '^engine|[^|]*|halt$') then return true end
    end
    return false
end

-- What alone keeps a job waiting: 'lane paused', 'client paused', 'engine paused' (every engine that suits it
-- is paused or draining), or nil.
local function halted_for(lane, client, needs)
    if halt_of('lane', lane) then return 'lane paused' end
    if client_is_paused(client) then return 'client paused' end
    if not any_engine_halted() then return nil end
    local halted = nil
    for _, name in ipairs(engine_names()) do
        local engine = engine_of(name)
        if suits(engine, needs, client) and (engine[lane .. '_slots'] or 0) > 0 then
            if not engine.halt then return nil end
            halted = 'engine paused'
        end
    end
    return halted
end

-- What an event tells of a waiting job's place: its position, or what it waits for instead.
local function place_told(id, position)
    local lane, client, needs = unpack(redis.call('HMGET', job_key(id), 'lane', 'client', 'needs'))
    local halted = halted_for(lane, client, needs)
    if halted then return {waits_for = halted} end
    return {position = ms(position)}
end

-- Whether a job may wait longer than `limit_ms`: what it needs is halted, or was until less than that ago.
local function is_excused(id, limit_ms)
    local lane, client, needs = unpack(redis.call('HMGET', job_key(id), 'lane', 'client', 'needs'))
    if halted_for(lane, client, needs) then return true end
    if resumed_within('lane', lane, limit_ms) or resumed_within('client', client, limit_ms) then return true end
    for _, name in ipairs(engine_names()) do
        if suits(engine_of(name), needs, client) and resumed_within('engine', name, limit_ms) then return true end
    end
    return false
end
