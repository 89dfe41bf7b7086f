-- uses: base outbox lanes
-- Count one hand-over of a job to its engine, just before it happens.
--
-- The gap between two starts counts from here, too: what a worker does between grant and hand-over
-- (fetching reference images, say) must not bring two starts closer together than the gap.
--
-- ARGV 8 job id · 9 token
-- Returns {how many hand-overs came before, "0"} · {"wait", ms} · false: another worker owns the job.

local id, token = ARGV[8], ARGV[9]
if not owns(id, token) then return false end
local name, lane = unpack(redis.call('HMGET', job_key(id), 'engine', 'lane'))
local engine = engine_of(name)
local gap, begun = engine[lane .. '_gap_ms'] or 0, engine[lane .. '_begun_ms']
if begun and begun + gap > NOW then return {'wait', ms(begun + gap - NOW)} end
if gap > 0 then redis.call('HSET', key('engine', name), lane .. '_begun_ms', ms(NOW), lane .. '_last_ms', ms(NOW)) end
redis.call('HSET', job_key(id), 'begun', '1')
return {ms(redis.call('HINCRBY', job_key(id), 'attempts', 1) - 1), '0'}
