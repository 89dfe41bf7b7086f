-- uses: base levers health engines halts domain spool outbox turns moves lanes granting
-- Set levers of a lane, an engine or a client, as an operator asks, and give slots to whoever may start now.
--
-- ARGV 8 who · 9 "lane" | "engine" | "client" · 10 its name · 11 … field, value ("" returns to limner.toml)
-- Returns {field, value before, …} of what has changed, or false: there is nothing of that name.
--
-- Reads: client
-- Writes: nothing itself

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

if not exists() then return false end
local changed, before, after = {}, {}, {}
for i = 11, #ARGV, 2 do
    local field, value = ARGV[i], ARGV[i + 1]
    local was = set_lever(what, name, field, value)
    if was ~= value then
        before[field], after[field] = was, value
        changed[#changed + 1] = field
        changed[#changed + 1] = was
    end
end
if #changed > 0 then
    audit(who, what .. ' ' .. name, before, after)
    if after.halt == '' then note_resumed(what, name, WAITING_LIMIT_MS) end
    engines_read = {}
    grant_ready()
end
return changed
