-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes granting
-- The engine is done with a job: its slot is free for the next one, while the worker still holds the
-- lease to check, compose and store the pictures. One that failed jobs keeps it until they were checked.
--
-- ARGV 8 job id · 9 token · 10 "1": the pictures were checked, and are good
-- Returns 1 · 0: call again once they are checked · false: another worker owns the job.
--
-- Reads: job
-- Writes: job

local id, token = ARGV[8], ARGV[9]
if not may(id, 'drawn', token) then return false end
local name = redis.call('HGET', job_key(id), 'engine')
local clear = true
if ARGV[10] == '1' then
    engine_drew(name)
else
    clear = engine_drew_unchecked(name)
    if engine_of(name).state == 'failing' then return 0 end
end
redis.call('HSET', job_key(id), 'freed', '1')
redis.call('HDEL', job_key(id), 'storing')
drop_slot(id)
grant_ready()
return clear and 1 or 0
