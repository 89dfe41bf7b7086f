-- uses: base posting outbox fates destinations handing
-- Give a poster up to n jobs with undelivered events, each under a new lease.
--
-- ARGV 3-7 as in lib_posting · 8 n · 9 prefix of the tokens · 10 a job to look at first ("" = none)
-- Returns a list of {job, token, event, attempts before, 1 if resent, {field, value, …} of the record}
--
-- Called again under the same prefix, because the answer was lost, it gives the same jobs.
--
-- Reads: job out took wake
-- Writes: due out outq resend took wake

local want, base, first = tonumber(ARGV[8]), ARGV[9], ARGV[10]
-- Most jobs that one call looks at without finding work: a script blocks the whole server.
local LOOKS = 200
local taken = {}

-- `again`: an earlier run of this call may have leased the job.
local function look(id, again)
    local state = key('out', id)
    local out = redis.call('HMGET', state, 'until', 'parked', 'rests', 'rest_ms', 'not_before', 'token')
    local ours = again and string.sub(out[6] or '', 1, #base + 1) == base .. ':'
    if (held_until(id, out[1]) > NOW and not ours) or out[2] then return end
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

-- A poster takes jobs in one thread: only what it took last can be asked for again.
local function taken_before()
    local last = redis.call('GET', key('took', ARGV[3])) or ''
    return string.sub(last, 1, #base + 1) == base .. ' ' and string.sub(last, #base + 2) or ''
end

local function note_taken()
    local ids = {}
    for _, row in ipairs(taken) do ids[#ids + 1] = row[1] end
    redis.call('SET', key('took', ARGV[3]), base .. ' ' .. table.concat(ids, ' '), 'PX', ms(LEASE_MS))
end

heed_clock()
for id in string.gmatch(taken_before(), '%S+') do look(id, true) end
if first ~= '' and #taken == 0 then look(first) end
for _ = 1, LOOKS do
    if #taken >= want then break end
    local id = redis.call('LPOP', key('wake'))
    if not id then break end
    look(id)
end
if #taken > 0 then note_taken() end
return taken
