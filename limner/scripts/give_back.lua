-- uses: base outbox lanes
-- A worker gives a job back to its lane: it stops, or the engine could not draw it.
--
-- ARGV 8 job id · 9 token · 10 "1": keep handle and slot, the engine goes on drawing
--      11 counter of this kind of trouble ("" = not counted) · 12 how often it may happen
--      13 reason · 14 reason code, if it happened more often
--      15 engine's state ("" = nothing to say of it) · 16 why · 17 pause, ms · 18 longest pause, ms
--         (the pause doubles with each trouble in a row)
-- Returns {"waiting" | "failed" | "stale", unsent}

local id, token = ARGV[8], ARGV[9]
if not owns(id, token) then return {'stale', unsent} end
local record = job_key(id)

if ARGV[15] ~= '' then
    local engine = key('engine', redis.call('HGET', record, 'engine'))
    -- An engine that is only busy is not on trial afterwards.
    local row = redis.call('HINCRBY', engine, ARGV[15] == 'busy' and 'busy' or 'fails', 1)
    local pause = math.min(tonumber(ARGV[17]) * 2 ^ math.min(row - 1, 20), tonumber(ARGV[18]))
    redis.call('HSET', engine, 'state', ARGV[15], 'why', ARGV[16], 'paused_until', ms(NOW + pause))
end

local often = ARGV[11] ~= '' and redis.call('HINCRBY', record, ARGV[11], 1) > tonumber(ARGV[12])
if often then
    end_job(id, 'failed', ARGV[13], ARGV[14])
else
    wait_again(id, ARGV[10] == '1')
end
grant_ready()
return {often and 'failed' or 'waiting', unsent}
