-- uses: base turns
-- Where waiting jobs stand.
--
-- ARGV 3 … job ids
-- Returns for each {position, how many of its client's own jobs go before it, ms until it may start ("": not
--   known)}, or {}: it does not wait.
--
-- Reads: job
-- Writes: nothing itself

local found = {}
for i = 3, #ARGV do
    local status, lane, client, place =
        unpack(redis.call('HMGET', job_key(ARGV[i]), 'status', 'lane', 'client', 'place'))
    found[#found + 1] = status == 'waiting' and standing(ARGV[i], lane, client, place) or {}
end
return found
