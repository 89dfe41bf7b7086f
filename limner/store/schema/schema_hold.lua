-- uses: base
-- Keep the lock of a migration or let go of it, and mark the data with the schema that they have come to.
--
-- ARGV 3 token · 4 ms that the lock lasts from now on (0: let go) · 5 schema ("": the mark stays as it is)
--      6 readable_from · 7 this release
-- Returns 1, or 0: the lock is another's, and nothing was done.
--
-- Reads: schema_lock
-- Writes: schema schema_lock

if redis.call('GET', key('schema_lock')) ~= ARGV[3] then return 0 end
if ARGV[5] ~= '' then
    redis.call('HSET', key('schema'), 'version', ARGV[5], 'readable_from', ARGV[6], 'limner', ARGV[7], 'at', ms(NOW))
end
if ARGV[4] == '0' then
    redis.call('DEL', key('schema_lock'))
else
    redis.call('PEXPIRE', key('schema_lock'), ARGV[4])
end
return 1
