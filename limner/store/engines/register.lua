-- uses: base levers health engines
-- Register an engine's settings when a worker starts.
--
-- ARGV 3 engine · 4 … field, value, …
--
-- Reads: nothing itself
-- Writes: nothing itself

engine_registered(ARGV[3], {unpack(ARGV, 4)})
return 1
