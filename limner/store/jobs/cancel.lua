-- uses: base levers health engines halts domain spool outbox turns moves lanes granting
-- Cancel a job for its caller, or for an operator. The worker that draws it finds its token gone; a running
-- drawing is put on its engine's list, so that a worker with the engine stops it there.
--
-- ARGV 8 job id · 9 "1": for an operator
-- Returns 1: it is cancelled, now or before · 0: it had ended otherwise · false: there is no such job.
--
-- Reads: job
-- Writes: nothing itself

local id, by_operator = ARGV[8], ARGV[9] == '1'
local record = job_key(id)
local status, code = unpack(redis.call('HMGET', record, 'status', 'reason_code'))
if not status then return false end
if not row_of(status, 'cancelled') then return code == WHY.cancelled[1] and 1 or 0 end
if by_operator then give_up(id, 'called_off') else give_up(id, 'cancelled') end
grant_ready()
return 1
