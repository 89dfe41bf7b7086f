-- uses: base levers audit health engines halts domain spool outbox turns moves budgets pay lanes granting
-- Set levers of a lane, an engine or a client, as an operator asks, and give slots to whoever may start now.
--
-- ARGV 8 who · 9 "lane" | "engine" | "client" · 10 its name · 11 … field, value ("" returns to limner.toml)
-- Returns {field, value before, …} of what has changed, or false: there is nothing of that name.
--
-- Reads: client
-- Writes: levers paused_clients resumed

local who, what, name = ARGV[8], ARGV[9], ARGV[10]

local function exists()
    if what == 'lane' then return true end
    if what == 'client' then return redis.call('EXISTS', key('client', name)) == 1 end
    if is_known(name) then return true end
    -- A former engine may be returned to its settings.
    for full in pairs(levers()) do
        if string.sub(full, 1, #name + 8) == 'engine|' .. name .. '|' then return true end
    end
    return false
end

-- Resumed just now. What was resumed too long ago to matter is forgotten.
local function note_resumed()
    redis.call('ZADD', key('resumed'), ms(NOW), what .. '|' .. name)
    redis.call('ZREMRANGEBYSCORE', key('resumed'), '-inf', '(' .. ms(NOW - WAITING_LIMIT_MS))
end

-- Pause the client or resume it. Returns the value before, "" if there was none.
local function set_client(_, value)
    local before = client_is_paused(name) and 'paused' or ''
    paused_clients[name] = value ~= ''
    if value == '' then
        redis.call('SREM', key('paused_clients'), name)
    else
        redis.call('SADD', key('paused_clients'), name)
    end
    return before
end

-- The same of a lever of the lane or the engine.
local function set_lever(field, value)
    local before, full = lever(what, name, field) or '', what .. '|' .. name .. '|' .. field
    if value == '' then
        levers_read[full] = nil
        redis.call('HDEL', key('levers'), full)
    else
        levers_read[full] = value
        redis.call('HSET', key('levers'), full, value)
    end
    return before
end

if not exists() then return false end
local changed, before, after = {}, {}, {}
for i = 11, #ARGV, 2 do
    local field, value = ARGV[i], ARGV[i + 1]
    local set = what == 'client' and set_client or set_lever
    local was = set(field, value)
    if was ~= value then
        before[field], after[field] = was, value
        changed[#changed + 1] = field
        changed[#changed + 1] = was
    end
end
if #changed > 0 then
    audit(who, what .. ' ' .. name, before, after)
    if after.halt == '' then note_resumed() end
    engines_read = {}
    grant_ready()
end
return changed
