-- uses: base outbox lanes
-- End a job: done with its pictures, or failed with its reason.
--
-- ARGV 8 job id · 9 token · 10 "done" | "failed" · 11 reason · 12 reason code
--      13 … field, value, … to write first
-- Returns 1, or false: another worker owns the job.

local id, token = ARGV[8], ARGV[9]
if not owns(id, token) then return false end
if redis.call('HGET', job_key(id), 'begun') and ARGV[12] ~= 'timed_out' then
    -- An engine that draws or rejects is alive: whatever it was tried for is over.
    redis.call('HSET', key('engine', redis.call('HGET', job_key(id), 'engine')), 'fails', '0', 'state', 'ok')
end
for i = 13, #ARGV, 2 do redis.call('HSET', job_key(id), ARGV[i], ARGV[i + 1]) end
end_job(id, ARGV[10], ARGV[11], ARGV[12])
grant_ready()
return 1
