-- uses: base outbox lanes
-- The engine is done with a job: its slot is free for the next one, while the worker still holds the
-- lease to check, compose and store the pictures.
--
-- ARGV 8 job id · 9 token
-- Returns 1, or false: another worker owns the job.

local id, token = ARGV[8], ARGV[9]
if not owns(id, token) then return false end
drop_slot(id)
redis.call('HSET', key('engine', redis.call('HGET', job_key(id), 'engine')),
    'fails', '0', 'busy', '0', 'paused_until', '0', 'state', 'ok', 'why', '')
grant_ready()
return 1
