-- uses: base
-- A process reports its host's clock.
--
-- ARGV 3 host · 4 its time, ms · 5 process · 6 the process's last beat (0: none) · 7 the salt that it was
--      told with that · 8 an id
-- Returns the number of this beat, "1" if this process is the first to find that the store was rolled back,
-- the salt, and "1" if the store has lost this process's last beat, whoever found that first. After a loss the
-- id becomes the salt of the epoch (lib_outbox.lua), which such a store cannot have had. A loss of what came
-- after a process's last beat can be seen by another process only.
--
-- Reads: beaten clocks healed salt
-- Writes: beaten beats clocks healed salt

local HOSTS_KEPT, PROCESSES_KEPT = 256, 1024
-- All processes beat within this time, and may find their beats lost in a loss that was found already.
local HEALED_MS = 60000

if redis.call('HLEN', key('clocks')) >= HOSTS_KEPT then redis.call('DEL', key('clocks')) end
redis.call('HSET', key('clocks'), ARGV[3], ms(tonumber(ARGV[4]) - NOW) .. ' ' .. ms(NOW))

local process, last, salt_told, id = ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8]

-- Each process compares its own beat: others may have counted past what was lost.
local missing = tonumber(redis.call('ZSCORE', key('beaten'), process) or '0') < last
local beat = redis.call('INCR', key('beats'))
if beat <= last then
    beat = last + 1
    redis.call('SET', key('beats'), ms(beat))
end
redis.call('ZADD', key('beaten'), ms(beat), process)
redis.call('ZREMRANGEBYRANK', key('beaten'), 0, -PROCESSES_KEPT - 1)

-- Another process may have found the same loss, and drawn, since this one was told.
local healed = redis.call('GET', key('healed'))
local lost = missing and not (healed and healed ~= salt_told)
if lost then
    redis.call('SET', key('salt'), id)
    redis.call('SET', key('healed'), id, 'PX', HEALED_MS)
end
return {beat, lost and '1' or '0', redis.call('GET', key('salt')) or '', missing and '1' or '0'}
