-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes granting
-- End a job: done with its pictures, or failed with its reason.
--
-- ARGV 8 job id · 9 token · 10 "finished" | "failed" · 11 reason · 12 reason code
--      13 what the engine did: "drew" | "answered" (it rejects the job) | "failed" | "" (nothing)
--      14 why, if it failed · 15 pause, ms · 16 longest pause, ms
--      17 what the drawing cost, by its host ("": see lib_pay.lua) · 18 … field, value, … to write with it
-- Returns 1, or false: another worker owns the job.
--
-- Reads: job slots
-- Writes: nothing itself

local id, token, cause = ARGV[8], ARGV[9], ARGV[10]
if not may(id, cause, token) then return false end
local name, lane, begun = unpack(redis.call('HMGET', job_key(id), 'engine', 'lane', 'begun'))
if ARGV[13] == 'failed' then
    engine_failed(name, id, ARGV[14], tonumber(ARGV[15]), tonumber(ARGV[16]))
elseif ARGV[13] == 'drew' and redis.call('SISMEMBER', key('slots', name, lane), id) == 1 then
    -- Otherwise free_slot has recorded that already.
    engine_drew(name)
elseif ARGV[13] == 'answered' and begun then
    engine_answered(name)
end
end_job(id, cause, {'reason', ARGV[11], 'reason_code', ARGV[12], unpack(ARGV, 18)}, token, ARGV[17])
grant_ready()
return 1
