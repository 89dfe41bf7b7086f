-- uses: base levers health engines halts domain spool outbox turns moves
-- The engine is done with a job, but its worker has as many drawings to store as it may: the slot stays taken until
-- there is room (free_slot.lua), and shows why.
--
-- ARGV 8 job id · 9 token
-- Returns 1 · false: another worker owns the job.
--
-- Reads: nothing itself
-- Writes: job

local id, token = ARGV[8], ARGV[9]
if not may(id, 'drawn', token) then return false end
redis.call('HSET', job_key(id), 'storing', '1')
return 1
