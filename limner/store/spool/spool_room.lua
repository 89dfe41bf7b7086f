-- uses: base spool
-- Return whether this many more bytes would fit, before they are written; `accept` decides.
--
-- ARGV 3 client · 4 bytes · 5 its quota, bytes
-- Returns 1 or 0.
--
-- Reads: nothing itself
-- Writes: nothing itself

return spooled('live', ARGV[3]) + tonumber(ARGV[4]) <= tonumber(ARGV[5]) and 1 or 0
