-- What the posters' scripts share. Must come first: it reads the arguments that they all begin with.
--
-- ARGV 3 poster · 4 cap of a destination · 5 probation places of this poster · 6 lease ms
--      7 how long callbacks are kept after a job's end, ms
--
-- Reads: nothing itself
-- Writes: nothing itself

local POSTER, CAP, PLACES = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local LEASE_MS, KEPT_MS = tonumber(ARGV[6]), tonumber(ARGV[7])
-- An event older than this is given up, whatever its attempts. Longer than the terminal budget with all
-- pauses a fifth longer (91 h), and shorter than any record is kept (96 h).
local AGE_MAX_MS = 92 * 3600 * 1000
