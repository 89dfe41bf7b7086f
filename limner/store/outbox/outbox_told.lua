-- uses: base outbox fates
-- Everything that is stored about one job's callbacks.
--
-- ARGV 3 job
-- Returns {outq, resend, dead, log, what the next one waits for, not before, ms ("" = nobody can say),
-- 1 if parked}
-- It waits for: sending (it is being posted) · breaker · host (it is sick) · turn (a place) · quiet (asked
-- for by the receiver) · retry (the pause after a try) · "" (there is nothing to post)
--
-- Reads: dead due job log out outq resend
-- Writes: nothing itself

local id = ARGV[3]
local lists = {}
for i, name in ipairs({'outq', 'resend', 'dead', 'log'}) do
    lists[i] = redis.call('LRANGE', key(name, id), 0, -1)
end

-- Why there is no place for a job of this fate, and until when.
local function place_of(fate, due)
    local sick = fate and not fate.proven and sick_until(fate.dest) or 0
    if sick == 0 then return 'turn', due end
    local at = math.max(sick, number(due))
    return 'host', at > NOW and ms(at) or ''
end

local function waits()
    if #lists[1] + #lists[2] == 0 then return '', '' end
    local out = redis.call('HMGET', key('out', id), 'parked', 'until', 'rests', 'not_before')
    local job = redis.call('HMGET', job_key(id), 'client', 'dest')
    local due = redis.call('ZSCORE', key('due'), id) or ''
    if number(out[2]) > NOW then return 'sending', '' end
    local fate = condition_named(out[1] or table.concat({job[1] or '', job[2] or ''}, ' '))
    if fate and fate.open and fate.open_until >= number(due) then return 'breaker', ms(fate.open_until) end
    if out[1] then return place_of(fate, '') end
    if number(out[4]) > NOW then return 'quiet', due end
    if number(out[3]) > NOW then return 'retry', due end
    return place_of(fate, due)
end

local why, not_before = waits()
local parked = redis.call('HEXISTS', key('out', id), 'parked')
return {lists[1], lists[2], lists[3], lists[4], why, not_before, parked}
