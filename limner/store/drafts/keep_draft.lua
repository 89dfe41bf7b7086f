-- uses: base
-- Keep a draft of a follow-up, and as few of a client's as are young and newest.
--
--   draft:<client>    HASH  draft id → the draft as JSON
--   drafts:<client>   ZSET  draft id → made at, ms
--
-- ARGV 3 client · 4 draft id · 5 the draft · 6 most of this client · 7 ms to keep one
--
-- Reads: draft drafts
-- Writes: draft drafts

local client, id, text, most, kept_ms = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local ages, texts = key('drafts', client), key('draft', client)
redis.call('HSET', texts, id, text)
keep_within(ages, 0, -1)
redis.call('ZADD', ages, ms(NOW), id)
local function forget(ids)
    for _, old in ipairs(ids) do
        redis.call('HDEL', texts, old)
        redis.call('ZREM', ages, old)
    end
end
forget(redis.call('ZRANGEBYSCORE', ages, '-inf', ms(NOW - kept_ms)))
forget(redis.call('ZRANGE', ages, 0, -most - 1))
-- One of the two was lost: what is not in both can neither be found nor grow old.
if redis.call('HLEN', texts) ~= redis.call('ZCARD', ages) then
    for _, other in ipairs(redis.call('HKEYS', texts)) do
        if not redis.call('ZSCORE', ages, other) then redis.call('HDEL', texts, other) end
    end
    for _, other in ipairs(redis.call('ZRANGE', ages, 0, -1)) do
        if redis.call('HEXISTS', texts, other) == 0 then redis.call('ZREM', ages, other) end
    end
end
redis.call('PEXPIRE', ages, ms(kept_ms))
redis.call('PEXPIRE', texts, ms(kept_ms))
