-- The outbox: events of a job that its caller has not been told yet. Needs lib_base.
--
--   outq:<job>     LIST  live events not yet delivered, oldest first, at most 6, each a JSON object:
--                        s seq, c class (T transition, P progress, X terminal), id webhook-id, t ms,
--                        v the changing fields of the record as they were at that moment
--   resend:<job>   LIST  events to post once more by command; looked at only when outq is empty
--   dead:<job>     LIST  events given up, the same objects and: why, dead (ms); at most 100
--   log:<job>      LIST  attempts, at most 100
--   out:<job>      HASH  token, until (the poster's lease), flying (seq in its hands, "r" after a
--                        resent one), sent (highest live seq ever handed out), shown (highest seq
--                        that a watcher saw), tried / retried (attempts of the head of outq /
--                        resend), rests (ms: the head waits until then for its next try), not_before
--                        (ms: the receiver asked for quiet until then), kicked (this head's rest was
--                        cut short once), parked (under this fate), ended, gone (a 410 was
--                        answered: nothing more is posted)
--   story:<job>    LIST  class and event, for whoever watches the job: its transitions and end, and
--                        progress only while nothing newer came; read by story.lua
--   due            ZSET  job → when to look at it; while a poster holds it: until its lease ends
--   wake           LIST  jobs to look at now: a hint, `due` is the truth
--   dead           ZSET  jobs with dead letters → the newest one, ms
-- Bodies are made by the poster from the record and `v`: a script can tell of any job, and the same
-- event always gives the same bytes.

-- What may differ between two events of a job.
local CHANGING = {
    'status', 'progress', 'url', 'width', 'height', 'cells', 'marks', 'engine', 'reason',
    'reason_code', 'notes', 'started_ms', 'finished_ms', 'attempts',
}
local WAKES_KEPT = 1000
-- A hinted job is looked at again after so long, in case the hint died with who took it.
local HOLD_MS = 2000
-- A job that returns to its lane again and again tells its oldest untold transitions to the dead
-- letters; with one place more for progress or the end, a queue holds 6.
local TRANSITIONS_KEPT = 5
local DEAD_KEPT = 100
local STORY_KEPT = 100
-- While the job lives; and after its end, for watchers that come back. Then its record is enough.
local STORY_LIVE_MS, STORY_ENDED_MS = 30 * 86400000, 3600000

local function snapshot(id)
    local values = redis.call('HMGET', job_key(id), unpack(CHANGING))
    local shot = {}
    for i, name in ipairs(CHANGING) do
        if values[i] then shot[name] = values[i] end
    end
    return shot
end

local function number(value)
    return tonumber(value or '0') or 0
end

-- Have a poster look at the job now.
local function wake(id)
    if redis.call('LLEN', key('wake')) < WAKES_KEPT then
        redis.call('ZADD', key('due'), ms(NOW + HOLD_MS), id)
        redis.call('RPUSH', key('wake'), id)
    else
        redis.call('ZADD', key('due'), ms(NOW), id)
    end
end

-- Keep an event that will not be tried any more. Progress is not worth keeping.
local function bury(id, text, why)
    local event = cjson.decode(text)
    if event.c == 'P' then return end
    event.why, event.dead = why, NOW
    redis.call('RPUSH', key('dead', id), cjson.encode(event))
    redis.call('LTRIM', key('dead', id), -DEAD_KEPT, -1)
    redis.call('ZADD', key('dead'), ms(NOW), id)
end

-- The head of outq is another event from now on. What its receiver asked for still holds.
local function new_head(id)
    redis.call('HSET', key('out', id), 'tried', 0)
    redis.call('HDEL', key('out', id), 'kicked')
end

-- Look again at a job that nobody holds. The rest of a head that failed is cut short once, lest a
-- job with much to tell spends the tries of hours in seconds; and never while the receiver wants quiet.
local function kick(id)
    local state = key('out', id)
    local out = redis.call('HMGET', state, 'rests', 'not_before', 'kicked')
    if number(out[1]) > NOW then
        if out[3] or number(out[2]) > NOW then return end
        redis.call('HSET', state, 'kicked', 1)
        redis.call('HDEL', state, 'rests')
    end
    wake(id)
end

-- Make room for one more transition.
local function thin(id, queue, head_flies)
    while redis.call('LLEN', queue) >= TRANSITIONS_KEPT do
        local index = head_flies and 1 or 0
        local text = redis.call('LINDEX', queue, index)
        bury(id, text, 'superseded')
        redis.call('LSET', queue, index, '')
        redis.call('LREM', queue, 1, '')
        if index == 0 then new_head(id) end
    end
end

-- Let whoever watches the job see an event, whether or not somebody is called back.
local function narrate(id, class, text)
    local list = key('story', id)
    local last = redis.call('LINDEX', list, -1)
    if last and string.sub(last, 1, 1) == 'P' then
        redis.call('LSET', list, -1, class .. text)
    else
        redis.call('RPUSH', list, class .. text)
        redis.call('LTRIM', list, -STORY_KEPT, -1)
    end
    if class == 'P' then return end
    redis.call('PEXPIRE', list, ms(class == 'X' and STORY_ENDED_MS or STORY_LIVE_MS))
end

local function event_text(id, class, seq, position)
    local event = {s = seq, c = class, t = NOW, v = snapshot(id), id = 'msg_' .. id .. '_' .. seq}
    if position then event.v.position = tostring(position) end
    return cjson.encode(event)
end

-- Put one event of job `id` into its outbox, after the record has changed. `class`: T, P or X.
-- `position`: of a job that waits again. Returns the event's seq.
local function emit(id, class, position)
    local seq = redis.call('HINCRBY', job_key(id), 'seq', 1)
    if not redis.call('HGET', job_key(id), 'dest') then
        narrate(id, class, event_text(id, class, seq, position))
        return seq
    end
    local queue, state = key('outq', id), key('out', id)
    local out = redis.call('HMGET', state, 'flying', 'until', 'sent', 'parked', 'ended', 'shown', 'gone')
    if out[5] then return redis.call('HINCRBY', job_key(id), 'seq', -1) end
    local leased = number(out[2]) > NOW
    if out[7] then
        local text = event_text(id, class, seq, position)
        bury(id, text, 'gone')
        narrate(id, class, text)
        if class == 'X' then
            redis.call('HSET', state, 'ended', 1)
            -- Whoever looks finds nothing to tell, and closes the outbox.
            if not leased and not out[4] then wake(id) end
        end
        return seq
    end
    local flying = leased and tonumber(out[1] or '')

    local last = redis.call('LINDEX', queue, -1)
    local newest = last and cjson.decode(last)
    if newest and newest.c == 'P' and newest.s ~= flying then
        -- Progress gives its place to what is newer, and its seq too if nobody can have seen it.
        if newest.s > math.max(number(out[3]), number(out[6])) then
            seq = newest.s
            redis.call('HSET', job_key(id), 'seq', seq)
        end
        redis.call('RPOP', queue)
    end
    if class == 'T' then thin(id, queue, flying and redis.call('LLEN', queue) > 0) end

    local text = event_text(id, class, seq, position)
    if redis.call('RPUSH', queue, text) == 1 then new_head(id) end
    narrate(id, class, text)
    if class == 'X' then redis.call('HSET', state, 'ended', 1) end
    -- A transition makes a queue that waits for its next try look again at once; progress does not.
    if not leased and not out[4] and (class ~= 'P' or not redis.call('ZSCORE', key('due'), id)) then
        kick(id)
    end
    return seq
end
