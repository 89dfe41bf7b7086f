-- What is known of engines, what they take, and how their state changes by what they do. Needs lib_base.
--
-- Of an engine's record, beside what its settings say:
--   state         ok · busy · down (cannot be reached) · refused (its operator must act) · failing (it
--                 failed jobs one after another)
--   why           of the last three of these, for operators
--   paused_until  no start before, ms; pause_ms: how long that was to be
--   fails busy    how often in a row it was out, or busy: each time it rests longer
--   struck        the last different jobs that it failed in a row, ",id,id,"
--   aside_ms      since when the jobs it failed let others go first

local LANES = {'fast', 'relaxed'}
local OUT = {down = true, refused = true, failing = true}
-- An engine rests when it failed so many different jobs in a row.
local STRIKES = 3

-- Whether a list of words, separated by spaces, has a word.
local function has_word(words, word)
    return string.find(' ' .. words .. ' ', ' ' .. word .. ' ', 1, true) ~= nil
end

-- The moments of the past that something counts from; and the longest pause of an engine whose record does
-- not tell how long it was to be.
local SINCE = {'fast_last_ms', 'relaxed_last_ms', 'fast_begun_ms', 'relaxed_begun_ms', 'aside_ms'}
local PAUSE_MAX_MS = 3600000

-- What is known of an engine, read once a script.
local engines_read = {}

local function engine_of(name)
    if engines_read[name] then return engines_read[name] end
    local flat = redis.call('HGETALL', key('engine', name))
    local engine = {}
    for i = 1, #flat, 2 do engine[flat[i]] = tonumber(flat[i + 1]) or flat[i + 1] end
    local record, pause = key('engine', name), engine.pause_ms or PAUSE_MAX_MS
    for _, field in ipairs(SINCE) do
        engine[field] = engine[field] and within(record, field, engine[field], 0)
    end
    engine.paused_until = within(record, 'paused_until', engine.paused_until, pause)
    engine.used = {}
    for _, lane in ipairs(LANES) do engine.used[lane] = redis.call('SCARD', key('slots', name, lane)) end
    engine.total = math.max(engine.fast_slots or 0, engine.relaxed_slots or 0)
    engines_read[name] = engine
    return engine
end

-- How many more drawings of a lane an engine takes now.
local function room(engine, lane)
    local used = engine.used.fast + engine.used.relaxed
    local total = engine.total
    -- An engine that failed draws one job for trial until one succeeds.
    if (engine.fails or 0) > 0 then total = math.min(total, 1) end
    return math.min(total - used, (engine[lane .. '_slots'] or 0) - engine.used[lane])
end

-- When an engine may next start a drawing of a lane, ms.
local function opens(engine, lane)
    local gap = engine[lane .. '_gap_ms'] or 0
    local last = engine[lane .. '_last_ms']
    local by_gap = (last and gap > 0) and last + gap or 0
    return math.max(by_gap, engine.paused_until or 0)
end

-- Whether an engine may draw a job at all: what it lacks, and whose jobs it takes.
local function suits(engine, needs, client)
    for need in string.gmatch(needs or '', '%S+') do
        if has_word(engine.lacks or '', need) then return false end
    end
    local clients = engine.clients or ''
    return clients == '' or has_word(clients, client)
end

-- Whether one of these engines, of those that have not failed a job yet, is up and could draw it.
local function draws_elsewhere(names, lane, needs, client, failed_on)
    for _, name in ipairs(names) do
        local engine = engine_of(name)
        if not has_word(failed_on, name) and not OUT[engine.state] and suits(engine, needs, client)
            and (engine[lane .. '_slots'] or 0) > 0 then
            return true
        end
    end
    return false
end

local function write_engine(name, ...)
    redis.call('HSET', key('engine', name), ...)
    engines_read[name] = nil
end

-- The engine has drawn: whatever there was against it is over.
local function engine_drew(name)
    write_engine(name, 'state', 'ok', 'why', '', 'paused_until', '0', 'fails', '0', 'busy', '0', 'struck', '')
end

-- The engine takes nothing for a while, the longer the more often in a row.
local function engine_rests(name, state, why, pause_ms, pause_max_ms)
    local engine = engine_of(name)
    local paused_until = engine.paused_until or 0
    -- What it had begun before it was known to fail tells nothing new.
    if state == 'failing' and engine.state == 'failing' and paused_until > NOW then return end
    local row = redis.call('HINCRBY', key('engine', name), state == 'busy' and 'busy' or 'fails', 1)
    local ends = NOW + math.min(pause_ms * 2 ^ math.min(row - 1, 20), pause_max_ms)
    if state == 'busy' and (engine.state == 'refused' or engine.state == 'failing') then
        -- That it has too much to do does not say that it can do it.
        ends = math.max(ends, paused_until)
    else
        write_engine(name, 'state', state, 'why', why)
    end
    write_engine(name, 'paused_until', ms(ends), 'pause_ms', ms(ends - NOW))
end

-- Note that the engine failed a job. Returns how many different jobs it failed in a row, up to STRIKES,
-- and whether this one was among them before.
local function strike(name, id)
    local struck, again = {}, false
    for other in string.gmatch(engine_of(name).struck or '', '[^,]+') do
        if other == id then again = true else struck[#struck + 1] = other end
    end
    struck[#struck + 1] = id
    if #struck > STRIKES then table.remove(struck, 1) end
    -- With commas, or an id might be read as a number.
    write_engine(name, 'struck', ',' .. table.concat(struck, ',') .. ',')
    return #struck, again
end

-- The engine failed a job: it rests when that is one too many. Returns how many different jobs it failed
-- in a row.
local function engine_failed(name, id, why, pause_ms, pause_max_ms)
    local row, again = strike(name, id)
    -- Two jobs that fail by turns are not tried on and on.
    if row >= STRIKES or (again and row > 1) then
        engine_rests(name, 'failing', row .. ' jobs in a row failed, the last one because: ' .. why,
            pause_ms, pause_max_ms)
    end
    return row
end
