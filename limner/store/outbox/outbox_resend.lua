-- uses: base outbox
-- Put a job's dead letters, or its terminal event if there are none, on its list to resend.
--
-- ARGV 3 job · 4 only this seq (0 = all)
-- Returns how many events will be posted.
--
-- Reads: dead job out outq resend
-- Writes: out resend

local id, only = ARGV[3], tonumber(ARGV[4])
local state, list = key('out', id), key('resend', id)
if not redis.call('HGET', job_key(id), 'dest') then return 0 end

local waiting = {}
for _, text in ipairs(redis.call('LRANGE', list, 0, -1)) do waiting[cjson.decode(text).s] = true end
local dead = redis.call('LRANGE', key('dead', id), 0, -1)
local added = 0
local function add(event)
    if waiting[event.s] or (only ~= 0 and only ~= event.s) then return end
    redis.call('RPUSH', list, cjson.encode(event))
    added = added + 1
end
for _, text in ipairs(dead) do add(cjson.decode(text)) end
local last = redis.call('HGET', state, 'last')
if #dead == 0 and last then add(cjson.decode(last)) end
if added == 0 then return 0 end
local out = redis.call('HMGET', state, 'until', 'parked', 'rests', 'rest_ms', 'not_before')
local _, not_before = rests_until(id, out[3], out[4], out[5])
redis.call('HSET', state, 'retried', 0)
-- A person is waiting; but a resting live event comes before these, and keeps its own times.
if redis.call('EXISTS', key('outq', id)) == 0 and not_before <= NOW then
    redis.call('HDEL', state, 'rests')
end
if number(out[1]) <= NOW and not out[2] then wake(id) end
return added
