-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes
-- Count a submission of a job to its engine, just before it happens.
--
-- ARGV 8 job id · 9 token
-- Returns {how many submissions came before, "0"} · {"wait", ms} · false: another worker owns the job.
--
-- Reads: nothing itself
-- Writes: nothing itself

local id, token = ARGV[8], ARGV[9]
if not may(id, 'begun', token) then return false end
local before, wait_ms = begin(id)
if not before then return {'wait', ms(wait_ms)} end
return {ms(before), '0'}
