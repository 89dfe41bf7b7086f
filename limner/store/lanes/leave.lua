-- uses: base
-- A worker is gone for good: do not wait for its lease to expire.
--
-- ARGV 3 worker id · 4 lane
--
-- Reads: nothing itself
-- Writes: worker workers

redis.call('DEL', key('worker', ARGV[3]))
redis.call('ZREM', key('workers', ARGV[4]), ARGV[3])
return 1
