-- uses: base levers health engines halts
-- What operators have halted that alone keeps jobs waiting.
--
-- ARGV 3 … job ids
-- Returns for each "lane paused", "client paused", "engine paused" or "".
--
-- Reads: job
-- Writes: nothing itself

local found = {}
for i = 3, #ARGV do
    local status, lane, client, needs =
        unpack(redis.call('HMGET', job_key(ARGV[i]), 'status', 'lane', 'client', 'needs'))
    found[#found + 1] = status == 'waiting' and halted_for(lane, client, needs) or ''
end
return found
