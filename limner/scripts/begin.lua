-- uses: base outbox lanes
-- Count one hand-over of a job to its engine, just before it happens.
--
-- ARGV 8 job id · 9 token
-- Returns how many hand-overs came before, or false: another worker owns the job.

local id, token = ARGV[8], ARGV[9]
if not owns(id, token) then return false end
redis.call('HSET', job_key(id), 'begun', '1')
return redis.call('HINCRBY', job_key(id), 'attempts', 1) - 1
