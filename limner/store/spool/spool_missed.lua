-- uses: base
-- Move files that could not be deleted to the end of the list.
--
-- ARGV 3… their keys
--
-- Reads: nothing itself
-- Writes: drops

for at = 3, #ARGV do
    redis.call('ZADD', key('drops'), 'XX', ms(NOW), ARGV[at])
end
return 0
