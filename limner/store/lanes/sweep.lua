-- uses: base levers health engines halts domain fit spool outbox turns moves tentative budgets pay lanes granting stall
-- Look after the lanes: reclaim what silent workers held, take up what was left tentative, use free slots, keep as
-- many messages as there are jobs that wait for a worker, drop former engines, and note which lane is stalled.
--
-- ARGV 8 how long messages must seem lost before they are resent, ms · 9 most jobs at once
--      10 an engine that no worker has had for this long is a former one, ms
-- Returns unsent.
--
-- A message is for no job in particular, so only their number counts. What a worker took off the list a moment
-- ago looks like a lost one, hence the delay; one message too many does no harm.
--
-- Reads: <lane> ends heads job messages ready virtual waiting
-- Writes: <lane> ends messages virtual waiting

local patience, most = tonumber(ARGV[8]), tonumber(ARGV[9])
-- None of ours is as long; anybody may push anything, and long messages take long to parse.
local MESSAGE_MAX = 65536
-- Waiting jobs that one sweep looks at, whether they are in a queue.
local WALK = 200

local newer = refuse_newer()
if newer then return newer end
count('ticks')
reap()
settle_left(most)
drop_former(tonumber(ARGV[10]))
-- A pause or a start that is too far ahead is corrected, so that operators see the right time.
for _, name in ipairs(engine_names()) do engine_of(name) end
grant_ready()

-- The id that a message names, if it is one.
local function named(text)
    if #text > MESSAGE_MAX then return nil end
    local read, message = pcall(cjson.decode, text)
    local headers = read and type(message) == 'table' and message.headers
    local id = type(headers) == 'table' and headers.id
    return type(id) == 'string' and id or nil
end

-- Send messages again: any waiting jobs that nobody holds will do.
local function send_more(lane, how_many)
    local held = redis.call('ZCARD', key('ready', lane))
    for _, id in ipairs(redis.call('ZRANGE', key('waiting', lane), 0, held + how_many - 1)) do
        if how_many == 0 then break end
        if not redis.call('ZSCORE', key('ready', lane), id) then
            needs_message(id, lane)
            how_many = how_many - 1
        end
    end
end

-- Drop messages of ours that no job waits for: their jobs were cancelled.
local function drop_some(lane, how_many)
    for _ = 1, how_many do
        local text = redis.call('LINDEX', lane, -1)
        if not text or not named(text) then return end
        redis.call('RPOP', lane)
    end
end

-- Keep as many messages as jobs: mend what has been missing, or too much, all the time for a while.
local function count_messages(lane)
    local jobs = redis.call('ZCARD', key('waiting', lane)) - redis.call('ZCARD', key('ready', lane))
    local missing = jobs - redis.call('LLEN', lane)
    -- Those that this very call is about to send are not missing.
    for _, sent in ipairs(unsent) do
        if sent[1] == lane then missing = missing - 1 end
    end
    local since, before = unpack(redis.call('HMGET', key('messages'), lane .. '_since', lane .. '_missing'))
    before = tonumber(before or '0')
    if missing == 0 or (since and missing * before <= 0) then since, before = nil, 0 end
    if missing == 0 then
        redis.call('HDEL', key('messages'), lane .. '_since', lane .. '_missing')
        return
    end
    if since then
        missing = missing > 0 and math.min(missing, before) or math.max(missing, before)
        since = within(key('messages'), lane .. '_since', since, 0)
    end
    redis.call('HSET', key('messages'), lane .. '_since', ms(since or NOW), lane .. '_missing', ms(missing))
    if not since or NOW - since < patience then return end
    redis.call('HDEL', key('messages'), lane .. '_since', lane .. '_missing')
    if missing > 0 then send_more(lane, math.min(missing, most)) else drop_some(lane, math.min(-missing, most)) end
end

-- Put waiting jobs that are in no queue into theirs: another release accepted them, or the queues are lost.
local function walk(lane)
    local from = redis.call('HGET', key('virtual', lane), 'walked') or '-inf'
    local rows = redis.call('ZRANGEBYSCORE', key('waiting', lane), from, '+inf', 'WITHSCORES', 'LIMIT', 0, WALK)
    for i = 1, #rows, 2 do
        local id, place = rows[i], rows[i + 1]
        local client = redis.call('HGET', job_key(id), 'client')
        if not may(id, 'held') then
            redis.call('ZREM', key('waiting', lane), id)
            leave_queue(id, lane, client or '')
        elseif not redis.call('ZSCORE', key('ready', lane), id) then
            be_in_queue(id, lane, client, place)
        end
    end
    local over = #rows < 2 * WALK
    redis.call('HSET', key('virtual', lane), 'walked', over and '-inf' or '(' .. rows[#rows])
end

-- Forget where clients' jobs ended that have none waiting: a newcomer starts at the virtual time anyway.
local function forget_ends(lane)
    local now = tonumber(redis.call('HGET', key('virtual', lane), 'tag') or '0')
    local from = redis.call('HGET', key('virtual', lane), 'scanned') or '0'
    local cursor, rows = unpack(redis.call('HSCAN', key('ends', lane), from, 'COUNT', WALK))
    for i = 1, #rows, 2 do
        if tonumber(rows[i + 1]) <= now and redis.call('HEXISTS', key('heads', lane), rows[i]) == 0 then
            redis.call('HDEL', key('ends', lane), rows[i])
        end
    end
    redis.call('HSET', key('virtual', lane), 'scanned', cursor)
end

for _, lane in ipairs(LANES) do
    note_stall(lane)
    forget_ends(lane)
    pace_at_most_now(lane)
    walk(lane)
    count_messages(lane)
end
return unsent
