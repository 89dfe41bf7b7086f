-- uses: base
-- Put files that could not be deleted behind all others that are to be.
--
-- ARGV 3… their keys
--
-- Reads: nothing itself
-- Writes: drops

for at = 3, #ARGV do
    redis.call('ZADD', key('drops'), 'XX', ms(NOW), ARGV[at])
end
return 0
