-- uses: base levers health engines halts domain spool outbox moves lanes granting stall
-- Look after the lanes: reclaim what silent workers held, use free slots, find waiting jobs whose message
-- is lost, drop former engines, and note which lane is stalled.
--
-- ARGV 8 how long a job's message must seem lost before it is resent, ms · 9 most jobs at once
--      10 an engine that no worker has had for this long is a former one, ms
-- Returns unsent.
--
-- A lane's list is first in, first out, so a waiting job that nobody holds and that is older than the
-- oldest message has none; with an empty list, every such job has none. One that a worker took off
-- the list a moment ago looks the same, hence the delay; one message too many does no harm.
--
-- Reads: <lane> holds job waiting
-- Writes: job waiting

local patience, most = tonumber(ARGV[8]), tonumber(ARGV[9])
local OLDEST_SCAN = 20
-- None of ours is as long; anybody may push anything, and long messages take long to parse.
local MESSAGE_MAX = 65536

reap()
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

for _, lane in ipairs(LANES) do
    note_stall(lane)
    local before, messages = '+inf', math.min(redis.call('LLEN', lane), OLDEST_SCAN)
    for i = 1, messages do
        local id = named(redis.call('LINDEX', lane, -i))
        local place = id and redis.call('ZSCORE', key('waiting', lane), id)
        if place then
            before = '(' .. place
            break
        end
    end
    -- Only messages of jobs that ended long ago are in sight: wait until workers have dropped them.
    local unknown = messages > 0 and before == '+inf'
    local old = unknown and {}
        or redis.call('ZRANGEBYSCORE', key('waiting', lane), '-inf', before, 'LIMIT', 0, most)
    for _, id in ipairs(old) do
        if not may(id, 'held') then
            redis.call('ZREM', key('waiting', lane), id)
        elseif not redis.call('ZSCORE', key('holds'), id) then
            redis.call('HSETNX', job_key(id), 'missing_ms', ms(NOW))
            local missing = redis.call('HGET', job_key(id), 'missing_ms')
            if NOW - within(job_key(id), 'missing_ms', missing, 0) >= patience then
                redis.call('HDEL', job_key(id), 'missing_ms')
                needs_message(id, lane)
            end
        end
    end
end
return unsent
