-- Wrong tokens, rate-limited by the address that they come from. Needs lib_base.
--
--   wrong   ZSET  address → when its rate limit is clear again, ms (GCRA, as for clients). Addresses whose
--                 limit is clear are forgotten, and beyond a bound those closest to it.
--
-- Reads: wrong
-- Writes: wrong

local WRONG_GAP_MS = 6000
local WRONG_BURST = 10
local WRONG_MOST = 10000

-- Count a wrong token at `door`. Returns ms to wait (0: it is told that the token is wrong, and may try
-- again), and whether the next one will have to wait.
local function wrong_token(door, address)
    local name, ahead = key('wrong'), WRONG_BURST * WRONG_GAP_MS
    redis.call('ZREMRANGEBYSCORE', name, '-inf', ms(NOW))
    -- Further ahead than is possible: the clock was set back.
    redis.call('ZREMRANGEBYSCORE', name, '(' .. ms(NOW + ahead), '+inf')
    local caught_up = tonumber(redis.call('ZSCORE', name, address) or ms(NOW))
    local wait = caught_up + WRONG_GAP_MS - NOW - ahead
    if wait > 0 then
        count('tokens_rejected', door, '1')
        return wait, false
    end
    count('tokens_rejected', door, '0')
    if redis.call('ZCARD', name) >= WRONG_MOST then redis.call('ZREMRANGEBYRANK', name, 0, 0) end
    redis.call('ZADD', name, ms(caught_up + WRONG_GAP_MS), address)
    return 0, wait + WRONG_GAP_MS > 0
end
