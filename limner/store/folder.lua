-- uses: base
-- Read or store the identity of the image folder at a path.
--
--   folders        HASH  path → identity
--   folders_seen   ZSET  path → when it was last asked for, ms; missing for paths of older releases
--
-- ARGV 3 path · 4 identity ("" = only read) · 5 "1": replace an existing one · 6 most paths
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
-- Reading counts as well: an unmounted folder is asked for all the time, and is the one that must not be
-- forgotten.
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
