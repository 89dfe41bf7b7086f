-- uses: base posting outbox fates destinations handing
-- Give a poster up to n jobs with undelivered events, each under a new lease.
--
-- ARGV 3-7 as in lib_posting · 8 n · 9 prefix of the tokens · 10 a job to look at first ("" = none)
-- Returns a list of {job, token, event, attempts before, 1 if resent, {field, value, …} of the record}
--
-- Reads: job out wake
-- Writes: due out outq resend wake

local want, base, first = tonumber(ARGV[8]), ARGV[9], ARGV[10]
-- Most jobs that one call looks at without finding work: a script blocks the whole server.
local LOOKS = 200
local taken = {}

local function look(id)
    local state = key('out', id)
    local out = redis.call('HMGET', state, 'until', 'parked', 'rests', 'rest_ms', 'not_before')
    if held_until(id, out[1]) > NOW or out[2] then return end
    expire(id)
    local event, resent = head(id)
    if not event then
        settle(id)
        return
    end
    local rests = rests_until(id, out[3], out[4], out[5])
    if rests > NOW then
        -- A hint from before the last attempt.
        redis.call('ZADD', key('due'), ms(rests), id)
        return
    end
    local record = redis.call('HGETALL', job_key(id))
    local known = {}
    for i = 1, #record, 2 do known[record[i]] = record[i + 1] end
    if not known['dest'] then
        redis.call('DEL', key('outq', id), key('resend', id), state)
        redis.call('ZREM', key('due'), id)
        return
    end
    local fate = condition(known['client'], known['dest'])
    local lack = lacks(fate, id)
    if lack then
        park(id, fate, lack)
        return
    end
    local token = base .. ':' .. (#taken + 1)
    hold(id, fate, NOW + LEASE_MS)
    local text, tried = hand_over(id, token, event, resent)
    taken[#taken + 1] = {id, token, text, tried, resent and 1 or 0, record}
end

heed_clock()
if first ~= '' then look(first) end
for _ = 1, LOOKS do
    if #taken >= want then break end
    local id = redis.call('LPOP', key('wake'))
    if not id then break end
    look(id)
end
return taken
