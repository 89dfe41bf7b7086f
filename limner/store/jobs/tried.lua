-- uses: base domain tries
-- Look for the job of an earlier try of a client library.
--
-- ARGV 3 client · 4 what tells its request from others
-- Returns job id · false: there is none, or none any more
--
-- Reads: nothing itself
-- Writes: nothing itself

return tried_before(ARGV[3], ARGV[4]) or false
