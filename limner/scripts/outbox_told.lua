-- uses: base
-- Everything there is to know about the callbacks of one job.
--
-- ARGV 3 job
-- Returns {outq, resend, dead, log, what the next one waits for, not before, ms ("" = nobody can say),
-- 1 if parked}
-- It waits for: sending (it is being posted) · breaker · turn (a place) · quiet (asked for by the
-- receiver) · retry (the pause after a try) · "" (there is nothing to post)

local id = ARGV[3]
local lists = {}
for i, name in ipairs({'outq', 'resend', 'dead', 'log'}) do
    lists[i] = redis.call('LRANGE', key(name, id), 0, -1)
end

local function waits()
    if #lists[1] + #lists[2] == 0 then return '', '' end
    local out = redis.call('HMGET', key('out', id), 'parked', 'until', 'rests', 'not_before')
    local job = redis.call('HMGET', job_key(id), 'client', 'dest')
    local due = redis.call('ZSCORE', key('due'), id) or ''
    if tonumber(out[2] or '0') > NOW then return 'sending', '' end
    local fate = out[1] or table.concat({job[1] or '', job[2] or ''}, ' ')
    local open_until = tonumber(redis.call('HGET', key('fate', fate), 'open_until') or '0')
    if open_until > NOW and open_until >= tonumber(due ~= '' and due or '0') then
        return 'breaker', ms(open_until)
    end
    if out[1] then return 'turn', '' end
    if tonumber(out[4] or '0') > NOW then return 'quiet', due end
    if tonumber(out[3] or '0') > NOW then return 'retry', due end
    return 'turn', due
end

local why, not_before = waits()
local parked = redis.call('HEXISTS', key('out', id), 'parked')
return {lists[1], lists[2], lists[3], lists[4], why, not_before, parked}
