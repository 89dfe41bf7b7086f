-- uses: base levers health engines halts domain outbox turns moves tentative
-- Take up a tentative job; any other stays as it is.
--
-- ARGV 3 job id · 4 ms to keep a job after its end
-- Returns {its status, and if it waits: where it stands (standing in lib_turns.lua), what it waits for instead
--   (lib_halts) or ""} · {"gone"}: there is no such job
--
-- Reads: job
-- Writes: nothing itself

local id = ARGV[3]
KEEP_JOB_MS = tonumber(ARGV[4])

settle(id)
local status, lane, client, place, needs =
    unpack(redis.call('HMGET', job_key(id), 'status', 'lane', 'client', 'place', 'needs'))
if status ~= 'waiting' then return {status or 'gone'} end
return {status, standing(id, lane, client, place), halted_for(lane, client, needs) or ''}
