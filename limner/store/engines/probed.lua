-- uses: base levers health
-- Store the result of probing an engine that was down.
--
-- ARGV 3 engine · 4 "1": it is healthy · 5 why not · 6 pause, ms
--
-- Reads: nothing itself
-- Writes: nothing itself

engine_probed(ARGV[3], ARGV[4] == '1', ARGV[5], tonumber(ARGV[6]))
return 1
