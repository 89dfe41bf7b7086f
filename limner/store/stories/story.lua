-- uses: base domain
-- A job's events after a seq, for whoever watches it. An event that was shown keeps its seq: newer
-- progress, or the end, does not replace an event that a watcher has seen.
--
-- ARGV 3 job id · 4 seq that was seen
-- Returns {} (no such job) · {the record, {class and event …}}
--
-- Reads: job out story
-- Writes: out

local id, seen = ARGV[3], tonumber(ARGV[4])
local record = redis.call('HGETALL', job_key(id))
if #record == 0 then return {} end
local newer = {}
for _, text in ipairs(redis.call('LRANGE', key('story', id), 0, -1)) do
    if cjson.decode(string.sub(text, 2)).s > seen then newer[#newer + 1] = text end
end
-- The watcher is told up to the present state, if need be from the record: a story may be lost.
local status, dest, shown = unpack(redis.call('HMGET', job_key(id), 'status', 'dest', 'seq'))
shown = tonumber(shown or '0')
if dest and shown > seen and not ENDED[status] then
    local before = tonumber(redis.call('HGET', key('out', id), 'shown') or '0')
    if shown > before then redis.call('HSET', key('out', id), 'shown', ms(shown)) end
end
return {record, newer}
