-- uses: base audit turns
-- Move a waiting job to the front of its lane, as an operator asks. Its client does not pay for the turn.
--
-- ARGV 3 job id · 4 who ("" = the audit trail is told by the caller, of many jobs at once)
-- Returns "moved" · "unknown" · "held" (a worker has it: it is as far in front as can be) · "ended" or
--   "running": it does not wait
--
-- Reads: back job ready
-- Writes: back job

local id, who = ARGV[3], ARGV[4]
local record = job_key(id)
local status, lane, client = unpack(redis.call('HMGET', record, 'status', 'lane', 'client'))
if not status then return 'unknown' end
if status ~= 'waiting' then return (status == 'done' or status == 'failed') and 'ended' or 'running' end
if redis.call('ZSCORE', key('ready', lane), id) then return 'held' end
local first = redis.call('ZRANGE', key('back', lane), 0, 0, 'WITHSCORES')[2]
-- Before every turn that was given: they count from 1.
local turn = math.min(tonumber(first or '1'), 1) - 1
leave_queue(id, lane, client)
redis.call('HSET', record, 'turn', ms(turn))
redis.call('ZADD', key('back', lane), ms(turn), id)
if who ~= '' then audit(who, 'job ' .. id, {}, {moved = 'to the front'}) end
return 'moved'
