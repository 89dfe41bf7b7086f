-- uses: base audit turns
-- Move a waiting job to the front of its lane, as an operator asks: one that a worker holds before the others that
-- are held, which come before all that are not. Its client does not pay for the turn.
--
-- ARGV 3 job id · 4 who ("" = the audit trail is told by the caller, of many jobs at once)
-- Returns "moved" · "unknown" · "ended" or "running": it does not wait
--
-- Reads: back job ready
-- Writes: back job ready

local id, who = ARGV[3], ARGV[4]
local record = job_key(id)
local status, lane, client = unpack(redis.call('HMGET', record, 'status', 'lane', 'client'))
if not status then return 'unknown' end
if status ~= 'waiting' then return (status == 'done' or status == 'failed') and 'ended' or 'running' end
-- Before every turn that was given: they count from 1.
local turn = 1
for _, name in ipairs({'ready', 'back'}) do
    turn = math.min(turn, tonumber(redis.call('ZRANGE', key(name, lane), 0, 0, 'WITHSCORES')[2] or '1'))
end
turn = ms(turn - 1)
redis.call('HSET', record, 'turn', turn)
if redis.call('ZSCORE', key('ready', lane), id) then
    redis.call('ZADD', key('ready', lane), turn, id)
else
    leave_queue(id, lane, client)
    redis.call('ZADD', key('back', lane), turn, id)
end
if who ~= '' then audit(who, 'job ' .. id, {}, {moved = 'to the front'}) end
return 'moved'
