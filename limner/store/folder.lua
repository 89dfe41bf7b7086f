-- uses: base
-- Which image folder lies at a path: ask, or keep an identity for it.
--
--   folders        HASH  path → identity
--   folders_seen   ZSET  path → when it was asked for last, ms; missing for what an older version kept
--
-- ARGV 3 path · 4 identity ("" = only ask) · 5 "1": instead of the one it has · 6 most paths
-- Returns the identity, or nil.
--
-- Reads: folders folders_seen
-- Writes: folders folders_seen

local path, identity, instead, most = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local folders, seen = key('folders'), key('folders_seen')

local found = redis.call('HGET', folders, path)
if identity ~= '' and (instead == '1' or not found) then
    redis.call('HSET', folders, path, identity)
    found = identity
end
if not found then return nil end
-- Asking counts, too: whoever looks for a folder that is unmounted asks for it all the time, and it is
-- the one that must not be forgotten.
keep_within(seen, 0)
redis.call('ZADD', seen, ms(NOW), path)
while redis.call('HLEN', folders) > most do
    local oldest, when
    for _, other in ipairs(redis.call('HKEYS', folders)) do
        local at = tonumber(redis.call('ZSCORE', seen, other) or '0')
        if other ~= path and (not when or at < when) then oldest, when = other, at end
    end
    redis.call('HDEL', folders, oldest)
    redis.call('ZREM', seen, oldest)
end
return found
