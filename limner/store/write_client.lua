-- uses: base audit
-- Create a client or change one, with its line in the audit trail.
--
-- ARGV 3 who · 4 "create" or "change" · 5 name · 6 sha256 of its new token ("": it keeps what it has)
--      7 … field, value
-- Returns 1, or 0: it exists already, or there is none to change.
--
-- Reads: client tokens
-- Writes: client clients tokens

local who, verb, name, digest = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local fields = key('client', name)
if verb == 'create' then
    if redis.call('HSETNX', fields, 'name', name) == 0 then return 0 end
    redis.call('SADD', key('clients'), name)
elseif redis.call('EXISTS', fields) == 0 then
    return 0
end

-- What the audit trail may tell of a value. The path of a callback URL may contain a secret.
local function shown(field, value)
    if field == 'secrets' then return value ~= '' and 'secret' or '' end
    local scheme, where = string.match(value, '^(%a+://)([^/?#]*)')
    if field == 'callback_url' and scheme then return scheme .. string.match(where, '[^@]*$') .. '/…' end
    return value
end

local before, after, changed = {}, {}, verb == 'create'
for i = 7, #ARGV, 2 do
    local field, value = ARGV[i], ARGV[i + 1]
    local was = redis.call('HGET', fields, field) or ''
    if was ~= value then
        before[field], after[field] = shown(field, was), shown(field, value)
        changed = true
    end
    redis.call('HSET', fields, field, value)
end
if digest ~= '' then
    local flat = redis.call('HGETALL', key('tokens'))
    for i = 1, #flat, 2 do
        if flat[i + 1] == name then redis.call('HDEL', key('tokens'), flat[i]) end
    end
    redis.call('HSET', key('tokens'), digest, name)
    redis.call('HSET', fields, 'digest', digest)
    after.token, changed = 'new', true
end
if changed then audit(who, 'client ' .. name, before, after) end
return 1
