-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes
-- Store a drawing's progress, and emit an event if it is news. The percentage never decreases.
--
-- ARGV 8 job id · 9 token · 10 percent · 11 preview's URL or "" · 12 its width · 13 its height
-- Returns 1 (event emitted), 0 (no news), or false: another worker owns the job.
--
-- Reads: job
-- Writes: nothing itself

local id, token, percent, url = ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11]
local _, _, told = may(id, 'progressed', token)
if not told then return false end
local before = tonumber(redis.call('HGET', job_key(id), 'progress'))
if told == 'P' and percent <= before and url == '' then return 0 end
local fields = {'progress', ms(math.max(percent, before))}
if url ~= '' then fields = {fields[1], fields[2], 'url', url, 'width', ARGV[12], 'height', ARGV[13]} end
move(id, 'progressed', fields, token)
return 1
