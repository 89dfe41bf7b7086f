-- uses: base replicas
-- Write something, so that a WAIT after it counts whoever has all that was written before.
--
-- ARGV 3 how many replicas must have it
-- Returns {"touched"} · {"few", how many replicas keep up}: nothing was written
--
-- Reads: nothing itself
-- Writes: touched

local few = too_few(tonumber(ARGV[3]))
if few then return {'few', few} end
redis.call('SET', key('touched'), ms(NOW))
return {'touched'}
