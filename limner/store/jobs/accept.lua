-- uses: base levers health engines halts domain fit spool outbox turns moves budgets pay tries replicas tentative
-- Accept a job: write its record, its indexes, its place in the lane and its message, or nothing at all.
-- A follow-up marks its parent in the same step; a picked cell (no message) is done at once. Where replicas must have
-- the job first, it is tentative (lib_tentative.lua), and gets its status, its place and its message afterwards.
--
-- ARGV 3 job id · 4 client · 5 lane · 6 tag key · 7 message ("" = done already, nothing to draw)
--      8 most waiting jobs of this client · 9 idempotency key ("" = none) · 10 hash of the body
--      11 ms to remember the key · 12 ms to keep a job after its end
--      13 parent ("" = none) · 14 mark to set on it · 15 "1": the mark may be set once only
--      16 the record's fields, a JSON object of strings
--      17 bytes of its files in the spool · 18 most of this client · 19 the files' keys, by spaces
--      20 ms until it is given up ("" = no deadline) · 21, 22 the client's budgets of drawings, a day and a
--      month ("" = none) · 23 "": the key is the caller's own; else it tells the request of a client library that
--      counts its tries: "first" or "again" · 24, 25 its budgets of money, a day and a month ("" = none) ·
--      26 this very call (see withdraw.lua) · 27 how many replicas must have the job (0: it is accepted at once)
-- Returns {"accepted", where it stands (standing in lib_turns.lua), ms, files that made room, what it waits for
--       instead (lib_halts) or ""} · {"again", job id} · {"conflict"} · {"full"} · {"budget", "day" or "month", "used"
--       or "spent" (lib_budgets.lua), ms when the next begins, ms until then} · {"spool_full"} · {"spool_more"}: ask
--       again, more makes room each time · {"no_parent"} · {"used"} · {"few", how many replicas keep up}: nothing was
--       written
--
-- Reads: idem job jobs tag waiting waits
-- Writes: idem job jobs places tag tentative tries waits

local id, client, lane, tag, message = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local cap, idem, body_hash, idem_ms = tonumber(ARGV[8]), ARGV[9], ARGV[10], ARGV[11]
local parent, mark, once = ARGV[13], ARGV[14], ARGV[15]
local bytes, quota, keys = tonumber(ARGV[17]), tonumber(ARGV[18]), ARGV[19]
local call, replicas = ARGV[26], tonumber(ARGV[27])
local fields = cjson.decode(ARGV[16])
KEEP_JOB_MS = tonumber(ARGV[12])

local newer = refuse_newer()
if newer then return newer end
local try = ARGV[23]
if try == 'again' then
    local first = tried_before(client, idem)
    if first then return {'again', first} end
elseif try == 'first' then
    -- Also if this try is refused: the next one must not get an older request's job. But this very call may have
    -- been made before (see below): then it is its own job.
    if redis.call('EXISTS', job_key(id)) == 0 then redis.call('DEL', key('tries', client, idem)) end
elseif idem ~= '' then
    local seen = redis.call('GET', key('idem', client, idem))
    if seen then
        local hash, first = string.match(seen, '^(%S+) (%S+)$')
        if hash ~= body_hash then return {'conflict'} end
        return {'again', first}
    end
end
-- The connection broke after an earlier run of this very call, and redis-py made it again.
if redis.call('EXISTS', job_key(id)) == 1 then return {'again', id} end
if message ~= '' and redis.call('SCARD', key('waits', client)) >= cap then return {'full'} end
-- Whatever an engine draws counts, once it is accepted.
local budgets, price = {}, 0
if message ~= '' then
    budgets = {day_used = tonumber(ARGV[21]), month_used = tonumber(ARGV[22]),
        day_spent = tonumber(ARGV[24]), month_spent = tonumber(ARGV[25])}
end
local counts, pays = budgets.day_used or budgets.month_used, budgets.day_spent or budgets.month_spent
if pays then price = dearest(lane, client, fields.needs) end
if counts or pays then
    local period, what, ends = budget_spent(client, budgets, price)
    if period then return {'budget', period, what, ms(ends), ms(ends - NOW)} end
end
local marks_parent = false
if parent ~= '' then
    local status, marks = unpack(redis.call('HMGET', job_key(parent), 'status', 'marks'))
    if not row_of(status, 'followed_up') then return {'no_parent'} end
    marks_parent = not has_mark(marks, mark)
    if once == '1' and not marks_parent then return {'used'} end
end
local few = replicas > 0 and too_few(replicas)
if few then return {'few', few} end
local fits, gone = 'fits', {}
if bytes > 0 then fits, gone = charge_spooled(client, id, bytes, quota, keys) end
if fits == 'more' then return {'spool_more'} end
if fits == 'full' then return {'spool_full'} end

-- If the count is lost, it goes on after the jobs that wait: they came first.
local function next_place()
    local place = redis.call('INCR', key('places', lane))
    local last = place == 1 and redis.call('ZREVRANGE', key('waiting', lane), 0, 0, 'WITHSCORES')[2]
    if not last then return place end
    redis.call('SET', key('places', lane), ms(math.max(tonumber(last), 0) + 1))
    return math.max(tonumber(last), 0) + 1
end

local picked = message == ''
local record = picked and {'progress', '100', 'started_ms', ms(NOW)} or {'progress', '0'}
local function write(field, value)
    record[#record + 1] = field
    record[#record + 1] = value
end
write('seq', '0')
write('created_ms', ms(NOW))
write('place', ms(next_place()))
if ARGV[20] ~= '' then write('deadline_ms', ms(NOW + tonumber(ARGV[20]))) end
for field, value in pairs(fields) do write(field, value) end
if price > 0 then write('reserved', ms(price)) end
local plan = {picked = picked, lane = lane, message = message,
    ends = ARGV[20] ~= '' and ms(NOW + tonumber(ARGV[20])) or nil, mark = marks_parent and mark or nil}
if replicas == 0 then
    take_up(id, plan, record)
else
    -- What is there once only is taken at once: a mark, and room beneath the cap.
    if marks_parent and once == '1' then
        set_mark(parent, mark)
        plan.mark, plan.took = nil, mark
    end
    if not picked then redis.call('SADD', key('waits', client), id) end
    plan.call, plan.budgeted = call, counts ~= nil
    plan.asked, plan.tried = try == '' and idem or nil, try ~= '' and idem or nil
    redis.call('HSET', job_key(id), 'tentative', cjson.encode(plan), unpack(record))
    redis.call('ZADD', key('tentative'), ms(NOW), id)
end
for _, index in ipairs({key('tag', client, tag), key('jobs', client)}) do
    -- The last to arrive is the newest, even of two in one millisecond, or after the clock was set back.
    local newest = redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')[2]
    redis.call('ZADD', index, ms(math.max(NOW, (tonumber(newest) or 0) + 1)), id)
    redis.call('ZREMRANGEBYSCORE', index, '-inf', ms(NOW - KEEP_JOB_MS - INDEX_SPARE_MS))
    redis.call('PEXPIRE', index, ms(KEEP_JOB_MS + INDEX_SPARE_MS))
end
if try ~= '' then
    redis.call('SET', key('tries', client, idem), id, 'PX', idem_ms)
elseif idem ~= '' then
    redis.call('SET', key('idem', client, idem), body_hash .. ' ' .. id, 'PX', idem_ms)
end
if counts or price > 0 then book(client, NOW, counts and 1 or 0, price) end
if picked or replicas > 0 then return {'accepted', {}, ms(NOW), gone, ''} end
return {'accepted', standing(id, lane, client, redis.call('HGET', job_key(id), 'place')), ms(NOW), gone,
    halted_for(lane, client, fields.needs) or ''}
