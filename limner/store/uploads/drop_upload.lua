-- uses: base spool uploads
-- Drop an upload; its file is deleted with the next tick.
--
-- ARGV 3 id · 4 client
-- Returns 1 if there was one, else 0
--
-- Reads: upload
-- Writes: nothing itself

if redis.call('HGET', key('upload', ARGV[3]), 'client') ~= ARGV[4] then return 0 end
drop_upload(ARGV[4], ARGV[3])
return 1
