-- uses: base spool outbox health engines lanes granting
-- End a job because its caller wants no more of it. Whoever draws it finds its token gone; a drawing
-- under way is put on its engine's list, for a worker that has the engine to stop it there.
--
-- ARGV 8 job id
-- Returns "cancelled" · "ended" (something else came first) · "gone"

local id = ARGV[8]
local record = job_key(id)
local status, code, handle, engine =
    unpack(redis.call('HMGET', record, 'status', 'reason_code', 'handle', 'engine'))
if not status then return 'gone' end
if status == 'done' or status == 'failed' then
    return code == 'cancelled' and 'cancelled' or 'ended'
end
if handle and engine then cancel_drawing(engine, handle) end
end_job(id, 'failed', 'The caller cancelled this job.', 'cancelled')
grant_ready()
return 'cancelled'
