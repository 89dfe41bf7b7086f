-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes granting
-- A worker gives a job back to its lane: it is stopping, or the engine could not draw it.
--
-- ARGV 8 job id · 9 token · 10 "1": keep handle and slot, the engine keeps drawing
--      11 counter of this kind of failure ("" = not a failure) · 12 how often it may happen
--      13 reason · 14 reason code, if it happened more often
--      15 engine's state ("" = only a failure of this job) · 16 why · 17 pause, ms · 18 longest pause, ms
--         (the pause doubles with each trouble in a row) · 19 what the drawing cost, by its host ("": see
--         lib_pay.lua)
-- Returns {"waiting" | "failed" | "stale", unsent}
--
-- Reads: job
-- Writes: job

local id, token, keep = ARGV[8], ARGV[9], ARGV[10] == '1'
if not may(id, 'given_back', token) then return {'stale', unsent} end
local record = job_key(id)
local name, failed_on = unpack(redis.call('HMGET', record, 'engine', 'failed_on'))
local counter, state, why, spent = ARGV[11], ARGV[15], ARGV[16], ARGV[19]
local pause, pause_max = tonumber(ARGV[17]), tonumber(ARGV[18])

local row = 0
if state ~= '' then
    row = engine_could_not(name, id, counter ~= '', state, why, pause, pause_max)
elseif counter ~= '' then
    row = engine_failed(name, id, why, pause, pause_max)
    -- The next attempt goes to another engine, if one suits.
    if not keep and not has_word(failed_on or '', name) then
        redis.call('HSET', record, 'failed_on', failed_on and failed_on .. ' ' .. name or name)
    end
end

-- If the engine fails other jobs as well, this does not count: the job waits until the engine is repaired.
local often = row == 1 and redis.call('HINCRBY', record, counter, 1) > tonumber(ARGV[12])
if often then
    end_job(id, 'failed', {'reason', ARGV[13], 'reason_code', ARGV[14]}, token, spent)
else
    wait_again(id, 'given_back', keep, token, spent)
end
grant_ready()
return {often and 'failed' or 'waiting', unsent}
