-- uses: base spool outbox health engines lanes
-- Write how far a drawing is, and tell it if it is news. Percent never falls.
--
-- ARGV 8 job id · 9 token · 10 percent · 11 preview's URL or "" · 12 its width · 13 its height
-- Returns 1 (told), 0 (no news), or false: another worker owns the job.

local id, token, percent, url = ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11]
if not owns(id, token) then return false end
local record = job_key(id)
local status, before = unpack(redis.call('HMGET', record, 'status', 'progress'))
percent = math.max(percent, tonumber(before))
redis.call('HSET', record, 'status', 'drawing', 'progress', ms(percent))
if url ~= '' then redis.call('HSET', record, 'url', url, 'width', ARGV[12], 'height', ARGV[13]) end
if status == 'submitted' then
    emit(id, 'T')
elseif percent > tonumber(before) or url ~= '' then
    emit(id, 'P')
else
    return 0
end
return 1
