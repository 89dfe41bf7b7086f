-- uses: base
-- A host says what its clock shows.
--
-- ARGV 3 host · 4 its time, ms · 5 the highest beat that the caller was ever told (0: none) · 6 an id
-- Returns the number of this beat, and "1" if the store went back to an older state: it counted further
-- before. Then the id becomes the salt of the epoch (lib_outbox.lua), which such a store cannot have had.

local HOSTS_KEPT = 256

if redis.call('HLEN', key('clocks')) >= HOSTS_KEPT then redis.call('DEL', key('clocks')) end
redis.call('HSET', key('clocks'), ARGV[3], ms(tonumber(ARGV[4]) - NOW) .. ' ' .. ms(NOW))

local beat, seen = redis.call('INCR', key('beats')), tonumber(ARGV[5])
if beat > seen then return {beat, '0'} end
redis.call('SET', key('salt'), ARGV[6])
-- Others who counted as far need not draw again.
redis.call('SET', key('beats'), ms(seen + 1))
return {seen + 1, '1'}
