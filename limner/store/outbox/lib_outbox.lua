-- The outbox: a job's undelivered events. Needs lib_base.
--
--   outq:<job>     LIST  live events not yet delivered, oldest first, at most 6, each a JSON object:
--                        s seq, c class (T transition, P progress, X terminal), e epoch, id webhook-id,
--                        t ms, v the changing fields of the record at that time
--   resend:<job>   LIST  events to resend by command; used only when outq is empty
--   dead:<job>     LIST  events given up, the same objects and: why, dead (ms); at most 100
--   log:<job>      LIST  attempts, at most 100
--   out:<job>      HASH  the outbox's state, see below
--   story:<job>    LIST  class and event, for whoever watches the job: its transitions and end, and
--                        progress only while nothing newer came; read by story.lua
--   due            ZSET  job → when to look at it; while a poster holds it: until its lease ends
--   ticked         STR   when a poster last looked for what is due, ms
--   recheck        STR   cursor of a walk through `due`, after the clock was set back
--   wake           LIST  jobs to look at now: a hint, `due` is the truth
--   dead           ZSET  jobs with dead letters → the newest one, ms
--   took:<poster>  STR   prefix of the tokens of what a poster took last, and the jobs
--
-- The fields of out:<job>, and after the dash the scripts and libraries that write each. A field that is
-- missing means no, or 0.
--
--   token        of the lease: which poster has the job                – lib_handing outbox_done
--   until        until when it has it, ms                              – lib_handing outbox_done
--   flying       seq in its hands, "r" after a resent one              – lib_handing outbox_done
--   spared       token whose lease began anew, as nobody had looked    – lib_handing
--   sent         highest live seq ever handed out                      – lib_handing
--   shown        highest seq that a watcher saw                        – story
--   tried        attempts of the head of outq                          – lib_outbox outbox_done
--   retried      attempts of the head of resend                        – outbox_done outbox_resend
--   rests        the head waits for its next try until then, ms        – lib_outbox outbox_done outbox_resend
--   rest_ms      for how long it was to wait                           – outbox_done
--   not_before   the receiver asked for quiet until then, ms           – outbox_done
--   kicked       this head's rest was cut short once                   – lib_outbox outbox_done
--   parked       the fate under which the job waits for a place        – lib_outbox lib_destinations
--   ended        the terminal event is in the queue, or was            – lib_outbox lib_mending
--   last         the terminal event as it was delivered, for resending – outbox_done
--   buried       the terminal event was given up                       – lib_outbox lib_mending
--   gone         a 410 was answered: nothing more is posted            – outbox_done
--
-- The states in docs/architecture.md follow from these: empty (outq and resend are), leased (until is ahead),
-- parked, resting (rests or not_before is ahead), closed (empty, and ended), else due.
--
-- The poster builds bodies from the record and `v`: any script can emit events, and the same event always
-- gives the same bytes.
--
-- Reads: due epoch job out outq parked places salt story wake
-- Writes: dead due epoch job out outq parked parkedat story wake

-- What may differ between two events of a job.
local CHANGING = {
    'status', 'progress', 'url', 'width', 'height', 'cells', 'marks', 'engine', 'reason',
    'reason_code', 'notes', 'started_ms', 'finished_ms', 'attempts', 'applied', 'drawn_seeds', 'prompts', 'can',
}
local WAKES_KEPT = 1000
-- When a hinted job is looked at again, in case the hint was lost with its poster.
local HOLD_MS = 2000
-- The oldest undelivered transitions of a job that returns to its lane again and again become dead
-- letters; with one more place for progress or the end, a queue holds 6.
local TRANSITIONS_KEPT = 5
local DEAD_KEPT = 100
local STORY_KEPT = 100
-- The seqs that a new epoch skips: more than a job emits at once, and one more for every so many ms of its
-- life, so that it skips further than in any epoch that the store has forgotten.
local SKIP_LEAST, SKIP_EVERY_MS = 100, 20
local SKIPPED_KEPT = 1000
-- During the job's life; and after its end, for watchers that return. After that its record is enough.
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

-- The longest rest of an event; if the length is stored (rest_ms), that counts.
local REST_MAX_MS = 30 * 3600000

-- Until when the head of outq rests, and until when its receiver asked for quiet.
local function rests_until(id, rests, rest_ms, not_before)
    local state, most = key('out', id), tonumber(rest_ms or '') or REST_MAX_MS
    return within(state, 'rests', rests, most), within(state, 'not_before', not_before, most)
end

-- Make a poster look at the job now.
local function wake(id)
    if redis.call('LLEN', key('wake')) < WAKES_KEPT then
        redis.call('ZADD', key('due'), ms(NOW + HOLD_MS), id)
        redis.call('RPUSH', key('wake'), id)
    else
        redis.call('ZADD', key('due'), ms(NOW), id)
    end
end

-- A job that waited for a place waits no more. The sets are those of lib_destinations.lua.
local function leave_parked(id, name)
    redis.call('ZREM', key('parked', name), id)
    redis.call('ZREM', key('parked'), id)
    redis.call('HDEL', key('out', id), 'parked')
    if redis.call('EXISTS', key('parked', name)) == 0 then
        redis.call('SREM', key('parkedat'), name)
    end
end

local function unpark_one(id, name)
    leave_parked(id, name)
    wake(id)
end

-- Make an event that is given up a dead letter. Progress is dropped.
local function bury(id, text, why)
    local event = cjson.decode(text)
    if event.c == 'P' then return end
    if event.c == 'X' then redis.call('HSET', key('out', id), 'buried', 1) end
    event.why, event.dead = why, NOW
    redis.call('RPUSH', key('dead', id), cjson.encode(event))
    redis.call('LTRIM', key('dead', id), -DEAD_KEPT, -1)
    redis.call('ZADD', key('dead'), ms(NOW), id)
end

-- outq has a new head. What its receiver asked for still holds.
local function new_head(id)
    redis.call('HSET', key('out', id), 'tried', 0)
    redis.call('HDEL', key('out', id), 'kicked')
end

-- Look again at a job that nobody holds. The rest of a failed head is cut short only once, so that a job
-- with many events does not use up hours of attempts in seconds; and never while the receiver wants quiet.
local function kick(id)
    local state = key('out', id)
    local out = redis.call('HMGET', state, 'rests', 'rest_ms', 'not_before', 'kicked')
    local rests, not_before = rests_until(id, out[1], out[2], out[3])
    if rests > NOW then
        if out[4] or not_before > NOW then return end
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

-- Add an event to the story for watchers, whether or not there are callbacks.
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

local epoch_read = nil

-- The epoch names one life of the store. It is derived from ids that are never stored, so that a store that
-- was rolled back cannot have them: the id that a server draws at its start (run_id), and the one that it
-- draws when it becomes a primary (master_replid). So events from before and after a restart or a failover
-- never share an id, whether anything was lost or not. For a server that does not reveal them, or whose
-- memory was rolled back while it ran, there is the salt: see tell_clock.lua.
local function epoch()
    if not epoch_read then
        local life = {redis.call('GET', key('salt')) or ''}
        for _, section in ipairs({'server', 'replication'}) do
            local info = redis.pcall('INFO', section)
            if type(info) == 'string' then
                life[#life + 1] = string.match(info, 'run_id:(%w+)')
                    or string.match(info, 'master_replid:(%w+)')
            end
        end
        epoch_read = string.sub(redis.sha1hex(table.concat(life, ' ')), 1, 10)
        local met = redis.call('HGET', key('epoch'), 'name')
        if met ~= epoch_read then
            redis.call('HSET', key('epoch'), 'name', epoch_read)
            for _, lane in ipairs(met and {'fast', 'relaxed'} or {}) do
                redis.call('HSET', key('epoch'), lane, redis.call('GET', key('places', lane)) or '0')
            end
        end
    end
    return epoch_read
end

-- Whether a job, of whose events `was` is the newest one's epoch, may have been told more than is known here.
local function is_of_before(was, lane, place)
    if was then return was ~= epoch() end
    -- Nothing is known to have been told of it. Accepted before this epoch was met?
    return place and number(place) <= number(redis.call('HGET', key('epoch'), lane))
end

-- Note that some seqs of a job belong to no event; shown by `limner job`.
local function skip(id, first, last)
    if redis.call('EXISTS', job_key(id)) == 0 then return end
    local skipped = (redis.call('HGET', job_key(id), 'skipped') or '') .. ' ' .. first .. '-' .. last
    redis.call('HSET', job_key(id), 'skipped', string.match(string.sub(skipped, -SKIPPED_KEPT), ' .*'))
end

-- Count a job's next event; returns its seq.
--
-- If the epoch has changed since the event before, events in between may be unknown here. Then the seq skips
-- all that can have been sent: a receiver drops what is not above its highest seq, and must not drop the
-- end. In the long run no job has more than a few events a second.
local function next_seq(id)
    local record = job_key(id)
    local seq = redis.call('HINCRBY', record, 'seq', 1)
    local now = epoch()
    local was, lane, place, created =
        unpack(redis.call('HMGET', record, 'epoch', 'lane', 'place', 'created_ms'))
    if was ~= now then redis.call('HSET', record, 'epoch', now) end
    if not is_of_before(was, lane, place) then return seq end
    local skips = SKIP_LEAST + math.floor(math.max(0, NOW - number(created)) / SKIP_EVERY_MS)
    skip(id, seq, seq + skips - 1)
    return redis.call('HINCRBY', record, 'seq', skips)
end

local function event_text(id, class, seq, place)
    local event = {s = seq, c = class, t = NOW, v = snapshot(id), e = epoch(),
        id = 'msg_' .. id .. '_' .. seq .. '_' .. epoch()}
    for name, value in pairs(place or {}) do event.v[name] = value end
    return cjson.encode(event)
end

-- Whether the job's caller wants a callback for its present status; the ends are always told.
local function wants(id)
    local tells, status = unpack(redis.call('HMGET', job_key(id), 'tells', 'status'))
    return not tells or string.find(' ' .. tells .. ' ', ' ' .. status .. ' ', 1, true) ~= nil
end

-- Add an event to the outbox of job `id`, after the record has changed. `class`: T, P or X.
-- `place`: fields and values of a job that waits again. Returns the event's seq.
local function emit(id, class, place)
    local queue, state = key('outq', id), key('out', id)
    local out = redis.call('HMGET', state, 'flying', 'until', 'sent', 'parked', 'ended', 'shown', 'gone')
    if out[5] then return number(redis.call('HGET', job_key(id), 'seq')) end
    local seq = next_seq(id)
    if not redis.call('HGET', job_key(id), 'dest') then
        narrate(id, class, event_text(id, class, seq, place))
        return seq
    end
    local leased = number(out[2]) > NOW
    if out[7] then
        local text = event_text(id, class, seq, place)
        if class == 'X' or wants(id) then bury(id, text, 'gone') end
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
        -- Newer events replace progress, and take its seq as well if nobody can have seen it.
        if newest.s > math.max(number(out[3]), number(out[6])) then
            if newest.e == epoch() then
                seq = newest.s
                redis.call('HSET', job_key(id), 'seq', seq)
            else
                skip(id, newest.s, newest.s)
            end
        end
        redis.call('RPOP', queue)
    end
    if class ~= 'X' and not wants(id) then
        -- Its receiver does not want this one, and what came before it is old now.
        narrate(id, class, event_text(id, class, seq, place))
        return seq
    end
    if class == 'T' then thin(id, queue, flying and redis.call('LLEN', queue) > 0) end

    local text = event_text(id, class, seq, place)
    if redis.call('RPUSH', queue, text) == 1 then new_head(id) end
    narrate(id, class, text)
    if class == 'X' then redis.call('HSET', state, 'ended', 1) end
    -- A transition makes a queue that waits for a retry due at once; progress does not.
    if not leased and not out[4] and (class ~= 'P' or not redis.call('ZSCORE', key('due'), id)) then
        kick(id)
    end
    return seq
end
