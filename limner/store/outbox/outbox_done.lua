-- uses: base posting outbox fates destinations handing
-- Record the outcome of an attempt, and hand over the job's next event or release the job.
--
-- ARGV 3-7 as in lib_posting · 8 job · 9 token · 10 seq · 11 verdict: ok, retry, dead, drop, gone
--      (all that is left or comes later is dead), later (not tried at all) · 12 ms until the next try · 13 1 to go on
--      with this job · 14 health of the destination: ok, bad, none · 15 ms the answer took
--      16 the attempt as a JSON object ("" = none) · 17 why it is dead · 18 client whose default URL
--      this is ("" = it is not) · 19 ms that the receiver wants quiet (0 = it did not say)
-- Returns {"fenced"} · {"next", event, attempts before, 1 if resent, notes} · {"released", notes}
-- notes: opened (the breaker opened), disabled, failing24, failing72 (the default URL), or empty
--
-- Reads: client dead endpoint flights job out outq resend
-- Writes: dead due endpoint log out outq resend

local id, token, seq, verdict = ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11]
local delay, go_on, health, pace = tonumber(ARGV[12]), ARGV[13] == '1', ARGV[14], tonumber(ARGV[15])
local attempt, why, default_of, quiet = ARGV[16], ARGV[17], ARGV[18], tonumber(ARGV[19])
local LOG_KEPT = 100
local HOUR_MS = 3600 * 1000

local state = key('out', id)
local out = redis.call('HMGET', state, 'token', 'flying', 'parked')
local resent = out[2] == seq .. 'r'
local queue = resent and key('resend', id) or key('outq', id)
local counter = resent and 'retried' or 'tried'
local text = redis.call('LINDEX', queue, 0)
local event = text and cjson.decode(text)
-- Somebody else has the job, or another event of it is in hand, or the event gave its place away after
-- our lease had ended.
local in_hand = resent or out[2] == ARGV[10]
if out[1] ~= token or not in_hand or not event or event.s ~= seq then return {'fenced'} end
-- It was looked at after our lease had ended, found no place, and is ours all the same.
if out[3] then leave_parked(id, out[3]) end

if verdict ~= 'later' then count('attempts', verdict) end
if verdict == 'ok' and not resent then observe(NOW - event.t, 'told', event.c) end

local record = redis.call('HMGET', job_key(id), 'dest', 'client')
local dest, client = record[1] or '', record[2] or ''
local was = condition(client, dest)
local notes = {}

-- A client's default URL that fails for 120 h is switched off: see Outbox.endpoint.
local function judge_default()
    -- A client that was removed meanwhile leaves nothing to whoever has its name next.
    if redis.call('EXISTS', key('client', default_of)) == 0 then return end
    local ep = key('endpoint', default_of)
    if verdict == 'ok' then
        redis.call('DEL', ep)
        return
    end
    local since = within(ep, 'since', redis.call('HGET', ep, 'since'), 0)
    if since == 0 then
        since = NOW
        redis.call('HSET', ep, 'since', ms(NOW))
    end
    local fails = redis.call('HINCRBY', ep, 'fails', 1)
    local hours = (NOW - since) / HOUR_MS
    if hours >= 120 and fails >= 20 and redis.call('HSETNX', ep, 'disabled', ms(NOW)) == 1 then
        notes[#notes + 1] = 'disabled'
    end
    for _, mark in ipairs({24, 72}) do
        if hours >= mark and hours < 120 and redis.call('HSETNX', ep, 'said' .. mark, 1) == 1 then
            notes[#notes + 1] = 'failing' .. mark
        end
    end
end

local function rest(pause)
    redis.call('HSET', state, 'rests', ms(NOW + pause), 'rest_ms', ms(pause), 'not_before', ms(NOW + quiet))
end

local hushed = false
if verdict == 'retry' and event.c == 'P' and redis.call('LLEN', queue) > 1 then
    verdict, delay = 'drop', quiet
    hushed = quiet > 0
end
if attempt ~= '' then
    local next_ms = verdict == 'retry' and ms(NOW + delay) or 'null'
    redis.call('RPUSH', key('log', id),
        '{"at":' .. ms(NOW) .. ',"next":' .. next_ms .. ',' .. string.sub(attempt, 2))
    redis.call('LTRIM', key('log', id), -LOG_KEPT, -1)
end
if default_of ~= '' and verdict ~= 'later' and why ~= 'disabled' then judge_default() end
if dest ~= '' and learn(was, health, pace) then notes[#notes + 1] = 'opened' end

if verdict == 'retry' then
    redis.call('HINCRBY', state, counter, 1)
    rest(delay)
elseif verdict ~= 'later' then
    redis.call('LPOP', queue)
    redis.call('HSET', state, counter, 0)
    redis.call('HDEL', state, 'rests', 'not_before', 'kicked')
    if hushed then
        rest(quiet)
    end
    -- Stored as it was delivered: what is resent later must be the same bytes.
    if verdict == 'ok' and event.c == 'X' then redis.call('HSET', state, 'last', text) end
    if verdict == 'dead' and not resent then bury(id, text, why) end
    if verdict == 'ok' and resent then
        for _, dead in ipairs(redis.call('LRANGE', key('dead', id), 0, -1)) do
            if cjson.decode(dead).s == seq then redis.call('LREM', key('dead', id), 1, dead) end
        end
        if redis.call('EXISTS', key('dead', id)) == 0 then redis.call('ZREM', key('dead'), id) end
    end
    if verdict == 'gone' then
        if not resent then bury(id, text, 'gone') end
        for _, left in ipairs(redis.call('LRANGE', key('outq', id), 0, -1)) do
            bury(id, left, 'gone')
        end
        redis.call('DEL', key('outq', id), key('resend', id))
        redis.call('HSET', state, 'gone', 1)
    elseif verdict == 'ok' then
        -- Something was resent and accepted after all.
        redis.call('HDEL', state, 'gone')
    end
end

local ends = verdict == 'retry' or verdict == 'later' or hushed
local following, following_resent = head(id)
local fate = condition(client, dest)
-- A place that ended with its lease may be another job's by now.
local holds_place = has_place_kept(id, key('flights', fate.name))
if following and go_on and not ends and not fate.open and holds_place then
    hold(id, fate, NOW + LEASE_MS)
    if fate.proven and not was.proven then
        let_go_of(id, fate, true)
        refill(fate)
    end
    local following_text, tried = hand_over(id, token, following, following_resent)
    return {'next', following_text, tried, following_resent and 1 or 0, table.concat(notes, ' ')}
end

redis.call('HDEL', state, 'token', 'until', 'flying')
let_go_of(id, fate, false)
if ends then
    redis.call('ZADD', key('due'), ms(NOW + delay), id)
elseif following then
    wake(id)
else
    settle(id)
end
refill(fate)
serve_host(dest, 1)
serve_lobby(1)
return {'released', table.concat(notes, ' ')}
