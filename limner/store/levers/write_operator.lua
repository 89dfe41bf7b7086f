-- uses: base audit
-- Create an operator, change or remove one, with its line in the audit trail.
--
--   operators         SET   their names
--   operator:<name>   HASH  name, role (view, steer), digest: the sha256 of its token
--   operator_tokens   HASH  sha256 of a token → name
--
-- ARGV 3 who · 4 "create", "change" or "remove" · 5 name · 6 role ("" = it keeps its own)
--      7 sha256 of its new token ("" = it keeps its own)
-- Returns 1, or 0: it exists already, or there is none.
--
-- Reads: operator operator_tokens operators
-- Writes: operator operator_tokens operators

local who, verb, name, role, digest = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local known = redis.call('SISMEMBER', key('operators'), name) == 1
if known == (verb == 'create') then return 0 end

local was = redis.call('HGET', key('operator', name), 'role') or ''
local before, after = {role = was}, {role = role ~= '' and role or was}
if verb == 'remove' or digest ~= '' then
    local flat = redis.call('HGETALL', key('operator_tokens'))
    for i = 1, #flat, 2 do
        if flat[i + 1] == name then redis.call('HDEL', key('operator_tokens'), flat[i]) end
    end
    if digest ~= '' then redis.call('HSET', key('operator_tokens'), digest, name) end
    after.token = digest ~= '' and 'new' or ''
end
if verb == 'remove' then
    redis.call('SREM', key('operators'), name)
    redis.call('DEL', key('operator', name))
    after.role = ''
else
    redis.call('SADD', key('operators'), name)
    redis.call('HSET', key('operator', name), 'name', name, 'role', after.role)
    if digest ~= '' then redis.call('HSET', key('operator', name), 'digest', digest) end
end
audit(who, 'operator ' .. name, before, after)
return 1
