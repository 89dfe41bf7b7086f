-- An engine's health: what was observed, and what follows from it, one function per event. Nothing else
-- writes these fields, in Lua or in Python; settings have keys of their own (lib_engines.lua). Needs
-- lib_base and lib_levers.
--
--   engine:<name>          HASH
--     state                ok · busy · down (cannot be reached) · refused (its operator must act) ·
--                          failing (it failed jobs one after another)
--     why                  of the last three of these, for operators
--     paused_until         no start before, ms; pause_ms: how long that was to be
--     fails busy           how often in a row it was out, or busy: each time the pause is longer
--     struck               the last different jobs that it failed in a row, ",id,id,"
--     aside_ms             since when the jobs it failed have let others go first
--     lacks                what it cannot do (limner/engine.py, NEEDS), separated by spaces
--     levels               what it makes of each parameter (limner/applied.py): "seed=exact ar=near …"
--     <lane>_last_ms       the last start; <lane>_begun_ms: the last hand-over, where there is a gap
--   A release before this one kept an engine's settings here, too; they count until a worker registers it.
--
-- Reads: engine settings slots
-- Writes: engine

local LANES = {'fast', 'relaxed'}
local OUT = {down = true, refused = true, failing = true}
-- Out until it has drawn: nothing else shows that it can.
local TO_MEND = {refused = true, failing = true}
-- An engine is paused when it has failed this many different jobs in a row.
local STRIKES = 3

-- Times in the past that something counts from; and the longest pause of an engine whose record does not
-- say how long it should be.
local SINCE = {'fast_last_ms', 'relaxed_last_ms', 'fast_begun_ms', 'relaxed_begun_ms', 'aside_ms'}
local PAUSE_MAX_MS = 3600000
-- A client may be called "007": these are not numbers, whatever they look like.
local WORDS = {driver = true, clients = true, versions = true, lacks = true, levels = true, state = true,
    why = true, struck = true, mark = true}

local function value_of(field, text)
    return not WORDS[field] and tonumber(text) or text
end

-- Cache of the engines: read once per script, and kept up to date with what the script writes.
local engines_read = {}

local function count_slots(engine, name, lane)
    engine.used[lane] = redis.call('SCARD', key('slots', name, lane))
end

-- What an operator may set live, over an engine's settings.
local OVERRIDES = {'fast_slots', 'relaxed_slots', 'fast_gap_ms', 'relaxed_gap_ms', 'weight'}

-- Put the levers over the settings, of which `configured` keeps what they say themselves.
local function pull_levers(engine)
    engine.halt, engine.configured = halt_of('engine', engine.name), {}
    for _, field in ipairs(OVERRIDES) do
        local value = lever('engine', engine.name, field)
        if value then
            engine.configured[field] = engine[field] or 0
            engine[field] = tonumber(value)
        end
    end
end

-- An engine's health and settings, the levers over them, with the slots in use.
local function engine_of(name)
    if engines_read[name] then return engines_read[name] end
    local engine = {name = name}
    for _, kind in ipairs({'engine', 'settings'}) do
        local flat = redis.call('HGETALL', key(kind, name))
        for i = 1, #flat, 2 do engine[flat[i]] = value_of(flat[i], flat[i + 1]) end
    end
    pull_levers(engine)
    local record, pause = key('engine', name), engine.pause_ms or PAUSE_MAX_MS
    for _, field in ipairs(SINCE) do
        engine[field] = engine[field] and within(record, field, engine[field], 0)
    end
    engine.paused_until = within(record, 'paused_until', engine.paused_until, pause)
    engine.used = {}
    for _, lane in ipairs(LANES) do count_slots(engine, name, lane) end
    engine.total = math.max(engine.fast_slots or 0, engine.relaxed_slots or 0)
    engines_read[name] = engine
    return engine
end

-- A job got or gave up a slot of the lane.
local function slots_changed(name, lane)
    if engines_read[name] then count_slots(engines_read[name], name, lane) end
end

local function write_health(name, ...)
    redis.call('HSET', key('engine', name), ...)
    local engine, written = engines_read[name], {...}
    for i = 1, engine and #written or 0, 2 do
        engine[written[i]] = value_of(written[i], written[i + 1])
    end
end

local function is_well(name, ...)
    write_health(name, 'state', 'ok', 'why', '', 'paused_until', '0', 'fails', '0', 'busy', '0', ...)
end

-- It is new or has new settings: start as healthy.
local function engine_is_new(name)
    is_well(name, 'struck', '')
end

-- What it cannot do, and what it makes of each parameter.
local function engine_is_able(name, lacks, levels)
    write_health(name, 'lacks', lacks, 'levels', levels)
end

-- Its operator wants it tried now: its state stays until it has drawn. Returns whether it was paused.
local function engine_is_to_be_tried(name)
    if engine_of(name).paused_until <= NOW then return false end
    write_health(name, 'paused_until', '0')
    return true
end

-- It was given a job.
local function engine_started(name, lane)
    local engine = engine_of(name)
    write_health(name, lane .. '_last_ms', ms(NOW))
    if engine.aside_ms then
        engine.aside_ms = nil
        redis.call('HDEL', key('engine', name), 'aside_ms')
    end
end

-- A job is being submitted: the gap between two starts counts from here.
local function engine_begun(name, lane)
    write_health(name, lane .. '_begun_ms', ms(NOW), lane .. '_last_ms', ms(NOW))
end

-- The jobs that it failed let others go first from now on.
local function engine_turns_to_others(name)
    write_health(name, 'aside_ms', ms(NOW))
end

-- Its pictures were checked, and are good.
local function engine_drew(name)
    is_well(name, 'struck', '')
end

-- It has drawn, but its pictures are not checked yet: it is out no longer, unless that depends on the
-- pictures. Returns whether it does not.
local function engine_drew_unchecked(name)
    local engine = engine_of(name)
    if engine.state == 'failing' then return false end
    if engine.state ~= 'ok' or (engine.fails or 0) > 0 then is_well(name) end
    return (engine.struck or '') == ''
end

-- It rejected a job: it can be reached, but whether it can draw is not known.
local function engine_answered(name)
    if engine_of(name).state == 'down' then is_well(name) end
end

-- It was down and was probed: pause it longer, or let one job try it now; if no job has failed there, it is
-- well. `first`: it is asked for the first time, and may turn out to be down before any job finds that.
local function engine_probed(name, well, why, pause_ms, first)
    local engine = engine_of(name)
    if engine.state ~= 'down' and not (first and engine.state == 'ok' and not well) then return end
    if well and (engine.fails or 0) == 0 then
        is_well(name)
    elseif well then
        write_health(name, 'paused_until', '0')
    else
        write_health(name, 'state', 'down', 'why', why, 'paused_until', ms(NOW + pause_ms),
            'pause_ms', ms(pause_ms))
    end
end

-- It accepts nothing for a while; the pause grows with each time in a row.
local function engine_rests(name, state, why, pause_ms, pause_max_ms)
    local engine = engine_of(name)
    local resting = engine.paused_until > NOW
    -- Failures of jobs that began before it was known to fail are no news.
    if state == 'failing' and engine.state == 'failing' and resting then return end
    local row = (engine[state == 'busy' and 'busy' or 'fails'] or 0) + 1
    local ends = NOW + math.min(pause_ms * 2 ^ math.min(row - 1, 20), pause_max_ms)
    write_health(name, state == 'busy' and 'busy' or 'fails', ms(row))
    if TO_MEND[engine.state] and (state == 'busy' or (resting and state ~= 'refused')) then
        -- Being busy, or failing otherwise at a job that began before, neither makes it healthy nor
        -- lets it be tried sooner.
        ends = math.max(ends, engine.paused_until)
    else
        write_health(name, 'state', state, 'why', why)
    end
    write_health(name, 'paused_until', ms(ends), 'pause_ms', ms(ends - NOW))
end

-- Note that it failed a job. Returns how many different jobs it failed in a row, up to STRIKES, and whether
-- this one was among them before.
local function strike(name, id)
    local struck, again = {}, false
    for other in string.gmatch(engine_of(name).struck or '', '[^,]+') do
        if other == id then again = true else struck[#struck + 1] = other end
    end
    struck[#struck + 1] = id
    if #struck > STRIKES then table.remove(struck, 1) end
    -- With commas: an older release takes an id for a number if it looks like one.
    write_health(name, 'struck', ',' .. table.concat(struck, ',') .. ',')
    return #struck, again
end

-- It could not draw a job: busy, down or refused. `counts`: the job was submitted there, so it counts.
-- Returns how many different jobs it failed in a row, 0 if this one does not count.
local function engine_could_not(name, id, counts, state, why, pause_ms, pause_max_ms)
    local row = counts and strike(name, id) or 0
    engine_rests(name, state, why, pause_ms, pause_max_ms)
    return row
end

-- It failed a job; pause it if that is one too many. Returns how many different jobs it failed in a row.
local function engine_failed(name, id, why, pause_ms, pause_max_ms)
    local row, again = strike(name, id)
    -- Two jobs that fail in turn must not be tried for ever.
    if row >= STRIKES or (again and row > 1) then
        engine_rests(name, 'failing', row .. ' jobs in a row failed, the last one because: ' .. why,
            pause_ms, pause_max_ms)
    end
    return row
end
