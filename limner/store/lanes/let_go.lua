-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes
-- A stopping worker gives up a job that it only holds; the job keeps its place.
--
-- ARGV 8 job id · 9 token
-- Returns {"let_go" | "granted" (a slot came first: draw or give it back) | "stale", unsent}
--
-- Reads: job
-- Writes: nothing itself

local id, token = ARGV[8], ARGV[9]
local status, lane, owner = unpack(redis.call('HMGET', job_key(id), 'status', 'lane', 'token'))
if owner ~= token then return {'stale', unsent} end
if not row_of(status, 'let_go') then return {'granted', unsent} end
drop_hold(id, lane)
hold_ended(id, lane)
return {'let_go', unsent}
