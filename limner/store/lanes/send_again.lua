-- uses: base
-- Put a waiting job's message at the head of its lane, if nobody holds the job.
--
-- ARGV 3 job id · 4 lane · 5 message
-- Returns 1, or 0: not needed any more.
--
-- Reads: holds job
-- Writes: <lane>

local id, lane = ARGV[3], ARGV[4]
if redis.call('HGET', job_key(id), 'status') ~= 'waiting' then return 0 end
local held_until = tonumber(redis.call('ZSCORE', key('holds'), id) or '0')
if held_until > NOW then return 0 end
-- Workers pop at the right.
redis.call('RPUSH', lane, ARGV[5])
return 1
