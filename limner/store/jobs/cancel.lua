-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes granting
-- Cancel a job for its caller, or for an operator. The worker that draws it finds its token gone; a running
-- drawing is put on its engine's list, so that a worker with the engine stops it there.
--
-- ARGV 8 job id · 9 "1": for an operator · 10 "1": unless a request waits for it
-- Returns 1: it is cancelled, now or before · 0: it had ended otherwise, or is waited for · false: there is no
-- such job.
--
-- Reads: awaited job
-- Writes: nothing itself

local id, by_operator, if_abandoned = ARGV[8], ARGV[9] == '1', ARGV[10] == '1'
local record = job_key(id)
local status, code = unpack(redis.call('HMGET', record, 'status', 'reason_code'))
if not status then return false end
if not row_of(status, 'cancelled') then return code == WHY.cancelled[1] and 1 or 0 end
if if_abandoned and redis.call('EXISTS', key('awaited', id)) == 1 then return 0 end
if by_operator then give_up(id, 'called_off') else give_up(id, 'cancelled') end
grant_ready()
return 1
