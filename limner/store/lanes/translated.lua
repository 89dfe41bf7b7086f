-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes
-- Store what became of a job's words, before they are handed to its engine.
--
-- ARGV 8 job id · 9 token · 10 JSON (limner/translation.py)
-- Returns 1, or false: another worker owns the job.
--
-- Reads: nothing itself
-- Writes: job

local id, token = ARGV[8], ARGV[9]
if not may(id, 'begun', token) then return false end
redis.call('HSET', job_key(id), 'translation', ARGV[10])
return 1
