-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes
-- Store the engine's handle, before the drawing is watched.
--
-- ARGV 8 job id · 9 token · 10 handle, JSON · 11 "1": another worker could attach to it
--      12 "" · "retry" · "fail": the drawing costs money, and what to do if it is lost
-- Returns 1, or false: another worker owns the job.
--
-- Reads: nothing itself
-- Writes: job

local id, token = ARGV[8], ARGV[9]
if not may(id, 'handed_over', token) then return false end
redis.call('HSET', job_key(id), 'handle', ARGV[10], 'attach', ARGV[11], 'paid', ARGV[12], 'begun', '1')
return 1
