-- uses: base spool outbox engines lanes granting
-- The engine is done with a job: its slot is free for the next one, while the worker still holds the
-- lease to check, compose and store the pictures. One that failed jobs keeps it until they were checked.
--
-- ARGV 8 job id · 9 token · 10 "1": the pictures were checked, and are well
-- Returns 1 · 0: say it again when they were checked · false: another worker owns the job.

local id, token = ARGV[8], ARGV[9]
if not owns(id, token) then return false end
local name = redis.call('HGET', job_key(id), 'engine')
local engine = engine_of(name)
local struck = (engine.struck or '') ~= ''
if ARGV[10] == '1' then
    engine_drew(name)
elseif engine.state == 'failing' then
    return 0
elseif engine.state ~= 'ok' or (engine.fails or 0) > 0 then
    -- Whatever kept it from drawing is over; what its pictures are worth is not known yet.
    write_engine(name, 'state', 'ok', 'why', '', 'paused_until', '0', 'fails', '0', 'busy', '0')
end
drop_slot(id)
grant_ready()
return (ARGV[10] == '1' or not struck) and 1 or 0
