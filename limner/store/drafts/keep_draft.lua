-- uses: base
-- Keep a draft of a follow-up, and as few of a client's as are young and newest.
--
--   draft:<client>    HASH  draft id → the draft as JSON
--   drafts:<client>   ZSET  draft id → made at, ms
--
-- ARGV 3 client · 4 draft id · 5 the draft · 6 most of this client · 7 ms to keep one
--
-- Reads: drafts
-- Writes: draft drafts

local client, id, text, most, kept_ms = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local ages, texts = key('drafts', client), key('draft', client)
redis.call('HSET', texts, id, text)
redis.call('ZADD', ages, ms(NOW), id)
local function forget(ids)
    for _, old in ipairs(ids) do
        redis.call('HDEL', texts, old)
        redis.call('ZREM', ages, old)
    end
end
forget(redis.call('ZRANGEBYSCORE', ages, '-inf', ms(NOW - kept_ms)))
forget(redis.call('ZRANGE', ages, 0, -most - 1))
redis.call('PEXPIRE', ages, ms(kept_ms))
redis.call('PEXPIRE', texts, ms(kept_ms))
