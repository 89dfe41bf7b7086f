-- What every script shares: the prefix, the clock, and the form of each key.
--
--   job:<id>               HASH  the record; fields as limner/job.py reads them, and beside them
--                                token worker dest needs prefers attach paid begun lost
--                                failed_on waits_ms (since when it waits, if not since created_ms)
--                                returned_ms (when it came back to its lane last)
--                                trace traceparent tracestate (limner/tracing.py)
--                                epoch (of its newest event) skipped (seqs that are no event's)
--                                tells (the statuses that callbacks tell of; none: all) turn (lib_turns.lua)
--                                tentative (lib_tentative.lua: such a job has no status yet)
--                                deadline_ms, freed ("1" once its slot is, before its end), storing ("1" while it
--                                keeps its slot although it is drawn: keep_slot.lua)
--                                reserved spent (lib_pay.lua)
--   tag:<client>:<tag>     ZSET  job ids by creation, ms; none before, or at, that of an older job
--   jobs:<client>          ZSET  job ids in the same way
--   waits:<client>         SET   job ids in state waiting, and tentative ones
--   runs:<client>          SET   job ids submitted or drawing
--   idem:<client>:<key>    STR   "<body hash> <job id>"
--   rate:<client>          STR   when the client has caught up with its requests, ms
--   awaited:<job>          SET   requests that wait for it and cancel it if they leave (limner/store/awaited.py)
--   chosen:<face>:<client> STR  the model of its next drawings (limner/store/chosen.py)
--   waiting:<lane>         ZSET  job id → place in the lane, smallest first
--   ready:<lane>           ZSET  waiting jobs that a worker holds → their turns (lib_turns.lua)
--   holds                  ZSET  waiting jobs that a worker holds → until, ms
--   slots:<engine>:<lane>  SET   jobs on the engine, or that kept their slot there
--   leases                 ZSET  those jobs → lease, or time to be re-attached, until, ms
--   deadlines              ZSET  jobs that are given up at a time → then, ms
--   failures               LIST  the jobs that failed last, but for cancelled ones, newest first
--   grant:<job>            LIST  one element when a waiting job was given a slot
--   worker:<id>            HASH  lane, engines; claimed: token and id of the job that it claimed last
--   workers:<lane>         ZSET  worker id → seen until, ms
--   mended, mending              how far the walk has come that looks for what was lost (mend.lua)
--   looked                 STR   when a script last looked after the lanes, ms
--   clocks                 HASH  host → how far its clock is ahead of the server's, ms, and when it said so
--   beats                  STR   counts what processes said of their hosts' clocks
--   beaten                 ZSET  process → its last beat, of those that beat last
--   salt                   STR   part of the epoch (lib_outbox.lua), drawn where beats were lost
--   healed                 STR   the salt, for a minute after it was drawn
--   epoch                  HASH  the epoch that was met last (name), and lane → the last place given before
--   cancels:<engine>       LIST  handles of drawings to stop there
--   places:<lane>          STR   the last place given
--   reports                ZSET  what processes found wrong, "<code>|<subject>" → until, ms
--   report                 HASH  the same → one sentence
--   warned                 SET   warnings that were logged last, named likewise
--   aside                  LIST  messages that are not ours, newest first (limner/store/aside.py)
--   aside_last             STR   when the last one was set aside, ms
--   aside_told             HASH  "<queue>|<why>" → "<ms> <how many>" at the last line in the log
--   messages               HASH  "<lane>_missing" → how many messages a lane is short of, or has too many
--                                (below 0), and "<lane>_since" when, ms
--   stalled                HASH  lane → since when it could start a job and starts none, ms
--   history:<lane>         LIST  how the lane was, minute by minute, newest first (remember.lua)
--   numbers                HASH  what is counted for ever, "<what>|<label>|…" → how often; of a duration
--                                also "…|<upper bound, ms>" and "…|sum" (limner/store/metrics/numbers.py)
-- The outbox's keys are listed in lib_outbox.lua, the spool's in lib_spool.lua, those of engines in
-- lib_health.lua and lib_engines.lua, those of the order in lib_turns.lua, what operators set in
-- lib_levers.lua, the audit trail in lib_audit.lua, operators in write_operator.lua, budgets in
-- lib_budgets.lua, the tries of client libraries in lib_tries.lua, drafts of follow-ups in keep_draft.lua, uploads in
-- lib_uploads.lua, tentative jobs in lib_tentative.lua, replicas in lib_replicas.lua, the mark of the data's schema
-- in schema_begin.lua, sessions of the console in lib_sessions.lua, turns at the image store in prune_turn.lua.
--
-- The last lines at the top of each file: the kinds of keys that it reads and writes itself; what it does
-- through its libraries is said in these. <lane> is the broker's queue of that name.
--
-- Reads: nothing itself
-- Writes: numbers

local PREFIX = ARGV[1]

local function now_ms()
    if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local NOW = now_ms()

local function key(...)
    return PREFIX .. table.concat({...}, ':')
end

-- Milliseconds as text: Lua would write large numbers as 1.7e+12.
local function ms(number)
    return string.format('%.0f', number)
end

-- Stored times. After a clock was set back, they are further ahead than anything ever waits, and whatever
-- waits for them would be stuck for as long as the clock had been wrong. So each is read through one of
-- these two functions: it is at most `most_ms` ahead of now (0: it must be in the past), and one that was
-- further ahead is corrected in place, so that it does not recede with every read.

-- Return the moment `value`, a field of a hash.
local function within(hash, field, value, most_ms)
    local at = tonumber(value or '0') or 0
    if at <= NOW + most_ms then return at end
    redis.call('HSET', hash, field, ms(NOW + most_ms))
    return NOW + most_ms
end

local OVER_SCAN = 500

-- The same for the scores of a sorted set, so many at a time. `become_ms` (default: `most_ms`): what they are set to;
-- -1 puts them before what is added now.
local function keep_within(set, most_ms, become_ms)
    local most, become = ms(NOW + most_ms), ms(NOW + (become_ms or most_ms))
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', set, '(' .. most, '+inf', 'LIMIT', 0, OVER_SCAN)) do
        redis.call('ZADD', set, 'XX', become, member)
    end
end

local function job_key(id)
    return PREFIX .. 'job:' .. id
end

-- Count one thing that happened, by its labels.
local function count(...)
    redis.call('HINCRBY', key('numbers'), table.concat({...}, '|'), 1)
end

-- The upper bounds of durations that are counted, ms; what takes longer is in "inf".
local BOUNDS_MS = {100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000, 300000, 600000,
    1800000, 3600000, 14400000, 86400000}

-- Count one duration, by its labels.
local function observe(took_ms, ...)
    local bound = 'inf'
    for _, upper in ipairs(BOUNDS_MS) do
        if took_ms <= upper then
            bound = upper
            break
        end
    end
    local name = table.concat({...}, '|')
    count(name, bound)
    redis.call('HINCRBY', key('numbers'), name .. '|sum', math.max(0, math.floor(took_ms)))
end
