-- uses: base
-- A process says which image store it uses, or that it ends.
--
--   image_store         STRING  the identity of the gateway's image store: the first one told, or the last adopted
--   image_stores        HASH    process → what it uses, as JSON
--   image_stores_seen   ZSET    process → when it last said so, ms
--
-- ARGV 3 process · 4 what it uses, as JSON ("": it ends) · 5 the store's identity · 6 how long that counts, ms
-- Returns the identity of the gateway's image store.
--
-- Reads: image_store image_stores_seen
-- Writes: image_store image_stores image_stores_seen

local PROCESSES_KEPT = 1024

local process, told, identity, kept_ms = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local uses, seen = key('image_stores'), key('image_stores_seen')

local function drop(other)
    redis.call('HDEL', uses, other)
    redis.call('ZREM', seen, other)
end

if told == '' then
    drop(process)
    return redis.call('GET', key('image_store')) or ''
end
keep_within(seen, 0)
redis.call('SET', key('image_store'), identity, 'NX')
redis.call('HSET', uses, process, told)
redis.call('ZADD', seen, ms(NOW), process)
for _, other in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', '(' .. ms(NOW - kept_ms))) do drop(other) end
local over = redis.call('ZCARD', seen) - PROCESSES_KEPT
if over > 0 then
    for _, other in ipairs(redis.call('ZRANGE', seen, 0, over - 1)) do drop(other) end
end
return redis.call('GET', key('image_store'))
