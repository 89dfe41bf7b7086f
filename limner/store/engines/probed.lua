-- uses: base levers health
-- Store the result of probing an engine that was down, or is asked for the first time.
--
-- ARGV 3 engine · 4 "1": it is healthy · 5 why not · 6 pause, ms · 7 "1": it is asked for the first time
--
-- Reads: nothing itself
-- Writes: nothing itself

engine_probed(ARGV[3], ARGV[4] == '1', ARGV[5], tonumber(ARGV[6]), ARGV[7] == '1')
return 1
